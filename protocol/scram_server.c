#include "protocol/scram_server.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "protocol/base64.h"

/* Whatever a client gets wrong, it reads the same words; the detail is for its developer. */
static bool malformed(struct failure *why, const char *what)
{
	failure_set(why, FAILURE_SASL_MALFORMED);
	return failure_detail(why, "Malformed SCRAM message: %s.", what);
}

static bool is_text(const char *message, size_t length)
{
	return length <= SCRAM_MESSAGE_MOST && memchr(message, '\0', length) == NULL;
}

/* --- the first message -------------------------------------------------------------------- */

static bool check_binding_flag(const struct scram_server *server, const char *flag, size_t length,
			       struct failure *why)
{
	if (length == 1 && flag[0] == 'n')
		return !server->uses_plus ||
		       malformed(why, "channel binding was chosen and then not used");
	if (length == 1 && flag[0] == 'y' && server->uses_plus)
		return malformed(why, "channel binding was chosen and then not used");
	if (length == 1 && flag[0] == 'y')
		/* Somebody in between has taken the stronger mechanism off our list. */
		return !server->offered_plus || failure_set(why, FAILURE_SASL_DOWNGRADE);
	if (length < 2 || flag[0] != 'p' || flag[1] != '=')
		return malformed(why, "unexpected channel-binding flag");
	if (!server->uses_plus)
		return malformed(why, "channel binding without SCRAM-SHA-256-PLUS");
	return (length == sizeof SCRAM_BINDING_TYPE + 1 &&
		memcmp(flag + 2, SCRAM_BINDING_TYPE, length - 2) == 0) ||
	       malformed(why, "unsupported type of channel binding");
}

/* "n,," "y,," or "p=tls-server-end-point,,": the cursor ends behind it. */
static bool take_gs2_header(struct scram_server *server, const char **cursor, const char *end,
			    struct failure *why)
{
	const char *start = *cursor;
	const char *comma = memchr(start, ',', (size_t)(end - start));

	if (comma == NULL)
		return malformed(why, "no comma after the channel-binding flag");
	if (!check_binding_flag(server, start, (size_t)(comma - start), why))
		return false;
	if (comma + 1 < end && comma[1] == 'a')
		return malformed(why, "authorization identities are not supported");
	if (comma + 1 >= end || comma[1] != ',')
		return malformed(why, "unexpected attribute after the channel-binding flag");
	*cursor = comma + 2;
	size_t length = (size_t)(*cursor - start);
	if (length >= sizeof server->gs2_header)
		return malformed(why, "unexpected channel-binding flag");
	memcpy(server->gs2_header, start, length);
	server->gs2_header[length] = '\0';
	return true;
}

/* The user's name stands in the startup packet; the one here is ignored, as PostgreSQL does. */
static bool take_first_bare(struct scram_server *server, const char *start, const char *end,
			    const char **nonce, size_t *length, struct failure *why)
{
	const char *cursor = start;
	const char *name;
	size_t name_length;

	if (cursor < end && *cursor == 'm')
		return malformed(why, "mandatory extensions are not supported");
	if (!scram_take(&cursor, end, 'n', &name, &name_length))
		return malformed(why, "no user name");
	if (!scram_take(&cursor, end, 'r', nonce, length))
		return malformed(why, "no nonce");
	if (!scram_is_printable(*nonce, *length))
		return malformed(why, "the nonce is empty or not printable");
	memcpy(server->first_bare, start, (size_t)(end - start));
	server->first_bare[end - start] = '\0';
	return true;
}

bool scram_server_first(struct scram_server *server, const char *message, size_t length,
			const unsigned char random[SCRAM_NONCE_BYTES], struct failure *why)
{
	const char *cursor = message;
	const char *end = message + length;
	const char *nonce = NULL;
	size_t nonce_length = 0;
	char ours[BASE64_LENGTH(SCRAM_NONCE_BYTES) + 1];
	char salt[BASE64_LENGTH(SCRAM_SALT_MOST) + 1];

	if (!is_text(message, length))
		return malformed(why, "it is too long or holds a zero byte");
	if (!take_gs2_header(server, &cursor, end, why) ||
	    !take_first_bare(server, cursor, end, &nonce, &nonce_length, why))
		return false;
	size_t ours_length = base64_encode(random, SCRAM_NONCE_BYTES, ours);
	base64_encode(server->secret.salt, server->secret.salt_length, salt);
	snprintf(server->server_first, sizeof server->server_first, "r=%.*s%s,s=%s,i=%u",
		 (int)nonce_length, nonce, ours, salt, server->secret.iterations);
	server->nonce = server->server_first + 2;
	server->nonce_length = nonce_length + ours_length;
	strcpy(server->answer, server->server_first);
	return true;
}

/* --- the last message --------------------------------------------------------------------- */

/* The client repeats the header, so that nobody in between can have changed it, and our certificate. */
static bool check_binding(const struct scram_server *server, const char *value, size_t length,
			  struct failure *why)
{
	char expected[SCRAM_BINDING_TEXT_BYTES];
	size_t expected_length =
		scram_write_binding(server->gs2_header, server->uses_plus ? server->binding : NULL,
				    server->binding_length, expected);

	if (length == expected_length && CRYPTO_memcmp(value, expected, length) == 0)
		return true;
	return server->uses_plus ? failure_set(why, FAILURE_SASL_BINDING) :
				   malformed(why, "unexpected channel-binding attribute");
}

static bool take_proof(const char *cursor, const char *end, const char **without_proof,
		       unsigned char proof[SCRAM_KEY_BYTES], struct failure *why)
{
	const char *value;
	size_t length;
	size_t decoded = 0;

	/* Extensions may stand before the proof, which is the last attribute. */
	while (cursor < end && *cursor != 'p') {
		const char *comma = memchr(cursor, ',', (size_t)(end - cursor));
		if (comma == NULL)
			return malformed(why, "no proof");
		cursor = comma + 1;
	}
	*without_proof = cursor - 1;
	if (!scram_take(&cursor, end, 'p', &value, &length) || value + length != end)
		return malformed(why, "the proof is not the last attribute");
	return (base64_decode(value, length, proof, SCRAM_KEY_BYTES, &decoded) &&
		decoded == SCRAM_KEY_BYTES) ||
	       malformed(why, "the proof has no proper form");
}

/* AuthMessage := client-first-bare , server-first , client-final-without-proof */
static size_t join(const struct scram_server *server, const char *final, size_t final_length,
		   char *text, size_t most)
{
	return (size_t)snprintf(text, most, "%s,%s,%.*s", server->first_bare, server->server_first,
				(int)final_length, final);
}

/* Takes the same steps whatever comes out of them. */
static bool is_proven(struct scram_server *server, const char *joined, size_t length,
		      const unsigned char proof[SCRAM_KEY_BYTES],
		      unsigned char signature[SCRAM_KEY_BYTES])
{
	bool computed = scram_hmac(server->secret.stored_key, joined, length, signature);

	for (size_t i = 0; i < SCRAM_KEY_BYTES; i++)
		server->client_key[i] = proof[i] ^ signature[i];
	bool fits = scram_key_fits(&server->secret, server->client_key);
	computed &= scram_hmac(server->secret.server_key, joined, length, signature);
	return computed & fits & !server->doomed;
}

bool scram_server_final(struct scram_server *server, const char *message, size_t length,
			struct failure *why)
{
	const char *cursor = message;
	const char *end = message + length;
	const char *value;
	const char *without_proof = message;
	size_t value_length;
	unsigned char proof[SCRAM_KEY_BYTES];
	unsigned char signature[SCRAM_KEY_BYTES];
	char joined[sizeof server->first_bare + sizeof server->server_first + SCRAM_MESSAGE_MOST +
		    8];

	if (!is_text(message, length))
		return malformed(why, "it is too long or holds a zero byte");
	if (!scram_take(&cursor, end, 'c', &value, &value_length))
		return malformed(why, "no channel-binding attribute");
	if (!check_binding(server, value, value_length, why))
		return false;
	if (!scram_take(&cursor, end, 'r', &value, &value_length) ||
	    value_length != server->nonce_length ||
	    CRYPTO_memcmp(value, server->nonce, value_length) != 0)
		return malformed(why, "the nonce is not the one of this conversation");
	if (!take_proof(cursor, end, &without_proof, proof, why))
		return false;
	size_t joined_length = join(server, message, (size_t)(without_proof - message), joined,
				    sizeof joined);
	if (!is_proven(server, joined, joined_length, proof, signature))
		return failure_set(why, FAILURE_SASL_FAILED);
	strcpy(server->answer, "v=");
	base64_encode(signature, SCRAM_KEY_BYTES, server->answer + 2);
	return true;
}

void scram_server_release(struct scram_server *server)
{
	OPENSSL_cleanse(server, sizeof *server);
}
