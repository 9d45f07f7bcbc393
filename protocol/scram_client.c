#include "protocol/scram_client.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "protocol/base64.h"

static bool malformed(struct failure *why, const char *what)
{
	failure_set(why, FAILURE_SERVER_LOGIN, "malformed SCRAM message");
	return failure_detail(why, "The server sent %s.", what);
}

void scram_client_first(struct scram_client *client, const unsigned char random[SCRAM_NONCE_BYTES])
{
	char nonce[BASE64_LENGTH(SCRAM_NONCE_BYTES) + 1];

	/* 'y' says that we would bind the channel if the server could. */
	strcpy(client->gs2_header, client->uses_plus	? "p=" SCRAM_BINDING_TYPE ",," :
				   client->is_encrypted ? "y,," :
							  "n,,");
	base64_encode(random, SCRAM_NONCE_BYTES, nonce);
	snprintf(client->first_bare, sizeof client->first_bare, "n=,r=%s", nonce);
	snprintf(client->answer, sizeof client->answer, "%s%s", client->gs2_header,
		 client->first_bare);
}

/* --- the server's first message ------------------------------------------------------------ */

struct challenge {
	const char *nonce;
	size_t nonce_length;
	const char *salt;
	size_t salt_length;
	const char *iterations;
	size_t iterations_length;
};

static bool take_challenge(const struct scram_client *client, const char *message, size_t length,
			   struct challenge *challenge, struct failure *why)
{
	const char *cursor = message;
	const char *end = message + length;
	const char *ours = strstr(client->first_bare, ",r=") + 3;
	size_t ours_length = strlen(ours);

	if (length > SCRAM_MESSAGE_MOST || memchr(message, '\0', length) != NULL)
		return malformed(why, "too much, or a zero byte");
	if (!scram_take(&cursor, end, 'r', &challenge->nonce, &challenge->nonce_length) ||
	    !scram_is_printable(challenge->nonce, challenge->nonce_length))
		return malformed(why, "no nonce");
	/* It must add something of its own, or an old conversation could be played again. */
	if (challenge->nonce_length <= ours_length ||
	    memcmp(challenge->nonce, ours, ours_length) != 0)
		return malformed(why, "a nonce that is not an answer to ours");
	if (!scram_take(&cursor, end, 's', &challenge->salt, &challenge->salt_length))
		return malformed(why, "no salt");
	if (!scram_take(&cursor, end, 'i', &challenge->iterations, &challenge->iterations_length))
		return malformed(why, "no iteration count");
	return true;
}

bool scram_client_take_salt(struct scram_client *client, const char *message, size_t length,
			    struct failure *why)
{
	struct scram_secret *secret = &client->secret;
	struct challenge challenge;
	uint32_t number = 0;

	if (!take_challenge(client, message, length, &challenge, why))
		return false;
	if (!base64_decode(challenge.salt, challenge.salt_length, secret->salt,
			   sizeof secret->salt, &secret->salt_length) ||
	    secret->salt_length == 0)
		return malformed(why, "no proper salt");
	for (size_t i = 0; i < challenge.iterations_length && number <= SCRAM_ITERATIONS_MOST; i++) {
		char digit = challenge.iterations[i];
		if (digit < '0' || digit > '9')
			return malformed(why, "no proper iteration count");
		number = number * 10 + (uint32_t)(digit - '0');
	}
	if (number == 0 || number > SCRAM_ITERATIONS_MOST)
		return malformed(why, "an iteration count beyond all reason");
	secret->iterations = number;
	return true;
}

/* Keys hold for one salt and one number of iterations; nothing is computed for any others. */
static bool is_our_secret(const struct scram_client *client, const struct challenge *challenge)
{
	char salt[BASE64_LENGTH(SCRAM_SALT_MOST) + 1];
	char iterations[16];
	size_t salt_length = base64_encode(client->secret.salt, client->secret.salt_length, salt);
	int digits = snprintf(iterations, sizeof iterations, "%u", client->secret.iterations);

	return challenge->salt_length == salt_length &&
	       memcmp(challenge->salt, salt, salt_length) == 0 &&
	       challenge->iterations_length == (size_t)digits &&
	       memcmp(challenge->iterations, iterations, (size_t)digits) == 0;
}

static size_t write_final(struct scram_client *client, const struct challenge *challenge)
{
	char text[SCRAM_BINDING_TEXT_BYTES];

	scram_write_binding(client->gs2_header, client->uses_plus ? client->binding : NULL,
			    client->binding_length, text);
	return (size_t)snprintf(client->answer, sizeof client->answer, "c=%s,r=%.*s", text,
				(int)challenge->nonce_length, challenge->nonce);
}

/* Appends the proof to `answer`, and notes how the server has to sign. */
static bool prove(struct scram_client *client, const char *joined, size_t length,
		  size_t answer_length)
{
	unsigned char proof[SCRAM_KEY_BYTES];
	bool computed = scram_hmac(client->secret.stored_key, joined, length, proof) &&
			scram_hmac(client->secret.server_key, joined, length,
				   client->server_signature);

	for (size_t i = 0; i < SCRAM_KEY_BYTES; i++)
		proof[i] ^= client->client_key[i];
	memcpy(client->answer + answer_length, ",p=", 3);
	base64_encode(proof, SCRAM_KEY_BYTES, client->answer + answer_length + 3);
	return computed;
}

bool scram_client_final(struct scram_client *client, const char *message, size_t length,
			struct failure *why)
{
	char joined[4 * SCRAM_MESSAGE_MOST];
	struct challenge challenge;

	if (!take_challenge(client, message, length, &challenge, why))
		return false;
	if (!is_our_secret(client, &challenge)) {
		failure_set(why, FAILURE_SERVER_LOGIN, "wrong password type");
		return failure_detail(why, "The server's SCRAM secret of this user is another one "
					   "(salt or iterations differ).");
	}
	size_t answer_length = write_final(client, &challenge);
	size_t joined_length = (size_t)snprintf(joined, sizeof joined, "%s,%.*s,%s",
						client->first_bare, (int)length, message,
						client->answer);
	return prove(client, joined, joined_length, answer_length) ||
	       malformed(why, "what OpenSSL cannot work with");
}

/* --- its last message ----------------------------------------------------------------------- */

bool scram_client_verify(const struct scram_client *client, const char *message, size_t length,
			 struct failure *why)
{
	const char *cursor = message;
	const char *value;
	size_t value_length;
	size_t decoded = 0;
	unsigned char signature[SCRAM_KEY_BYTES];

	if (scram_take(&cursor, message + length, 'e', &value, &value_length)) {
		failure_set(why, FAILURE_SERVER_LOGIN, "SCRAM failed");
		return failure_detail(why, "The server said: %.*s",
				      (int)strnlen(value, value_length), value);
	}
	if (!scram_take(&cursor, message + length, 'v', &value, &value_length) ||
	    cursor != message + length ||
	    !base64_decode(value, value_length, signature, sizeof signature, &decoded) ||
	    decoded != sizeof signature)
		return malformed(why, "no proper signature");
	return CRYPTO_memcmp(signature, client->server_signature, sizeof signature) == 0 ||
	       failure_set(why, FAILURE_SERVER_LOGIN, "failed to verify server signature");
}

void scram_client_release(struct scram_client *client)
{
	OPENSSL_cleanse(client, sizeof *client);
}
