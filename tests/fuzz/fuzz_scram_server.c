/*
 * A client that says anything: two SCRAM messages, separated by a line feed. Nobody is let in without
 * the key, and what is refused has a reason.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/scram_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static char *copy(const uint8_t *data, size_t size)
{
	char *bytes = malloc(size > 0 ? size : 1);
	memcpy(bytes, data, size);
	return bytes;
}

static void converse(struct scram_server *server, const char *first, size_t first_length,
		     const char *final, size_t final_length)
{
	static const unsigned char random[SCRAM_NONCE_BYTES] = "abcdefghijklmnopqr";
	struct failure why = {0};

	if (!scram_server_first(server, first, first_length, random, &why)) {
		expect(why.kind != FAILURE_NONE && why.message[0] != '\0');
		return;
	}
	expect(strlen(server->answer) < sizeof server->answer &&
	       memchr(server->answer, '\n', strlen(server->answer)) == NULL);
	expect(!scram_server_final(server, final, final_length, &why));
	expect(why.kind == FAILURE_SASL_FAILED || why.kind == FAILURE_SASL_MALFORMED ||
	       why.kind == FAILURE_SASL_BINDING);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *split = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t first_length = split != NULL ? (size_t)(split - data) : size;
	size_t final_length = split != NULL ? size - first_length - 1 : 0;
	char *first = copy(data, first_length);
	char *final = copy(split != NULL ? split + 1 : data, final_length);

	for (int plus = 0; plus <= 1; plus++) {
		struct scram_server server = {.uses_plus = plus, .offered_plus = plus,
					      .binding_length = 32};
		server.secret = (struct scram_secret){.iterations = 4096,
						      .salt_length = SCRAM_SALT_MOST};
		memset(server.secret.stored_key, 7, SCRAM_KEY_BYTES);
		converse(&server, first, first_length, final, final_length);
	}
	free(first);
	free(final);
	return 0;
}
