/*
 * A server that says anything: two SCRAM messages, separated by a line feed, and the text of a secret
 * behind a second one. No server is believed that does not know the secret.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/scram_client.h"
#include "protocol/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
	if (!condition)
		abort();
}

/* The next line, in memory of its own; the last one when there are no more. */
static char *take_line(const uint8_t **data, size_t *size, size_t *length)
{
	const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;

	*length = end != NULL ? (size_t)(end - *data) : *size;
	char *line = malloc(*length + 1);
	memcpy(line, *data, *length);
	line[*length] = '\0';
	*data += *length + (end != NULL);
	*size -= *length + (end != NULL);
	return line;
}

static void converse(const char *first, size_t first_length, const char *final, size_t final_length)
{
	static const unsigned char random[SCRAM_NONCE_BYTES] = "abcdefghijklmnopqr";
	struct scram_client client = {.uses_plus = false};
	struct failure why = {0};

	scram_client_first(&client, random);
	if (scram_client_take_salt(&client, first, first_length, &why))
		expect(client.secret.iterations > 0 && client.secret.salt_length > 0);
	client.secret = (struct scram_secret){.iterations = 4096, .salt_length = 3};
	memset(client.secret.server_key, 7, SCRAM_KEY_BYTES);
	if (!scram_client_final(&client, first, first_length, &why)) {
		expect(why.kind == FAILURE_SERVER_LOGIN && why.message[0] != '\0');
		return;
	}
	expect(strlen(client.answer) < sizeof client.answer);
	expect(!scram_client_verify(&client, final, final_length, &why));
	expect(why.kind == FAILURE_SERVER_LOGIN);
}

static void parse(const char *text)
{
	struct scram_secret secret, again;
	char printed[SCRAM_TEXT_MOST];

	if (!scram_secret_parse(text, &secret))
		return;
	expect(secret.iterations > 0 && secret.salt_length > 0);
	expect(secret_kind(text) == SECRET_SCRAM);
	scram_secret_print(&secret, printed);
	expect(strlen(printed) < sizeof printed && scram_secret_parse(printed, &again));
	expect(memcmp(secret.salt, again.salt, secret.salt_length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t lengths[3];
	char *lines[3];

	for (int i = 0; i < 3; i++)
		lines[i] = take_line(&data, &size, &lengths[i]);
	converse(lines[0], lengths[0], lines[1], lengths[1]);
	parse(lines[2]);
	for (int i = 0; i < 3; i++)
		free(lines[i]);
	return 0;
}
