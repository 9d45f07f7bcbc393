/* The primitives themselves: a login needs a few hashes of some bytes, of which EVP's way to find
 * its implementation would be the larger part. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "protocol/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/base64.h"
#include "protocol/saslprep.h"

/* SHA-256 of a block of the key, differing from it by `pad` in each byte, and the data (RFC 2104). */
static bool hash_padded(const unsigned char key[SCRAM_KEY_BYTES], unsigned char pad,
			const void *data, size_t length, unsigned char result[SCRAM_KEY_BYTES])
{
	unsigned char block[SHA256_CBLOCK];
	SHA256_CTX context;

	memset(block, pad, sizeof block);
	for (size_t i = 0; i < SCRAM_KEY_BYTES; i++)
		block[i] ^= key[i];
	bool done = SHA256_Init(&context) == 1 &&
		    SHA256_Update(&context, block, sizeof block) == 1 &&
		    SHA256_Update(&context, data, length) == 1 &&
		    SHA256_Final(result, &context) == 1;
	OPENSSL_cleanse(block, sizeof block);
	OPENSSL_cleanse(&context, sizeof context);
	return done;
}

bool scram_hmac(const unsigned char key[SCRAM_KEY_BYTES], const void *data, size_t length,
		unsigned char result[SCRAM_KEY_BYTES])
{
	unsigned char inner[SCRAM_KEY_BYTES];

	return hash_padded(key, 0x36, data, length, inner) &&
	       hash_padded(key, 0x5c, inner, sizeof inner, result);
}

bool scram_hash(const void *data, size_t length, unsigned char result[SCRAM_KEY_BYTES])
{
	SHA256_CTX context;
	bool done = SHA256_Init(&context) == 1 && SHA256_Update(&context, data, length) == 1 &&
		    SHA256_Final(result, &context) == 1;

	OPENSSL_cleanse(&context, sizeof context);
	return done;
}

/* --- secrets ------------------------------------------------------------------------------ */

/* The number at `*cursor`, without sign or leading blanks, up to the byte `end`. */
static bool take_iterations(const char **cursor, char end, uint32_t *iterations)
{
	uint64_t number = 0;
	const char *at = *cursor;

	for (; *at >= '0' && *at <= '9' && number <= INT32_MAX; at++)
		number = number * 10 + (uint64_t)(*at - '0');
	if (at == *cursor || *at != end || number == 0 || number > INT32_MAX)
		return false;
	*iterations = (uint32_t)number;
	*cursor = at + 1;
	return true;
}

/* Base64 at `*cursor` up to the byte `end`, which may be the zero. */
static bool take_base64(const char **cursor, char end, void *data, size_t most, size_t *length)
{
	const char *stop = strchr(*cursor, end);

	if (stop == NULL ||
	    !base64_decode(*cursor, (size_t)(stop - *cursor), data, most, length) || *length == 0)
		return false;
	*cursor = stop + (end != '\0');
	return true;
}

bool scram_secret_parse(const char *text, struct scram_secret *secret)
{
	size_t stored = 0;
	size_t server = 0;

	if (strncmp(text, SCRAM_SECRET_PREFIX, sizeof SCRAM_SECRET_PREFIX - 1) != 0)
		return false;
	text += sizeof SCRAM_SECRET_PREFIX - 1;
	return take_iterations(&text, ':', &secret->iterations) &&
	       take_base64(&text, '$', secret->salt, sizeof secret->salt, &secret->salt_length) &&
	       take_base64(&text, ':', secret->stored_key, SCRAM_KEY_BYTES, &stored) &&
	       take_base64(&text, '\0', secret->server_key, SCRAM_KEY_BYTES, &server) &&
	       stored == SCRAM_KEY_BYTES && server == SCRAM_KEY_BYTES;
}

void scram_secret_print(const struct scram_secret *secret, char *text)
{
	text += sprintf(text, SCRAM_MECHANISM "$%u:", secret->iterations);
	text += base64_encode(secret->salt, secret->salt_length, text);
	*text++ = '$';
	text += base64_encode(secret->stored_key, SCRAM_KEY_BYTES, text);
	*text++ = ':';
	base64_encode(secret->server_key, SCRAM_KEY_BYTES, text);
}

/* SaltedPassword := Hi(Normalize(password), salt, i), which is PBKDF2 with one block. */
static bool salt_password(const struct scram_secret *secret, const char *password,
			  unsigned char salted[SCRAM_KEY_BYTES])
{
	char *prepared = saslprep(password);
	const char *used = prepared != NULL ? prepared : password;
	size_t length = strlen(used);
	bool good = length <= INT32_MAX &&
		    PKCS5_PBKDF2_HMAC(used, (int)length, secret->salt, (int)secret->salt_length,
				      (int)secret->iterations, EVP_sha256(), (int)SCRAM_KEY_BYTES,
				      salted) == 1;

	if (prepared != NULL)
		OPENSSL_cleanse(prepared, length);
	free(prepared);
	return good;
}

bool scram_secret_derive(struct scram_secret *secret, const char *password,
			 unsigned char client_key[SCRAM_KEY_BYTES])
{
	unsigned char salted[SCRAM_KEY_BYTES];
	unsigned char key[SCRAM_KEY_BYTES];
	bool good = salt_password(secret, password, salted) &&
		    scram_hmac(salted, "Client Key", 10, key) &&
		    scram_hash(key, sizeof key, secret->stored_key) &&
		    scram_hmac(salted, "Server Key", 10, secret->server_key);

	if (good && client_key != NULL)
		memcpy(client_key, key, sizeof key);
	OPENSSL_cleanse(salted, sizeof salted);
	OPENSSL_cleanse(key, sizeof key);
	return good;
}

bool scram_secret_has_password(const struct scram_secret *secret, const char *password,
			       unsigned char client_key[SCRAM_KEY_BYTES])
{
	struct scram_secret derived = *secret;
	bool same = scram_secret_derive(&derived, password, client_key) &&
		    CRYPTO_memcmp(derived.stored_key, secret->stored_key, SCRAM_KEY_BYTES) == 0;

	OPENSSL_cleanse(&derived, sizeof derived);
	return same;
}

bool scram_key_fits(const struct scram_secret *secret,
		    const unsigned char client_key[SCRAM_KEY_BYTES])
{
	unsigned char stored[SCRAM_KEY_BYTES];

	return scram_hash(client_key, SCRAM_KEY_BYTES, stored) &&
	       CRYPTO_memcmp(stored, secret->stored_key, SCRAM_KEY_BYTES) == 0;
}

void scram_invent_salt(struct scram_secret *secret, uint32_t iterations,
		       const unsigned char process_key[SCRAM_KEY_BYTES], const char *user)
{
	unsigned char hash[SCRAM_KEY_BYTES] = {0};

	*secret = (struct scram_secret){.iterations = iterations, .salt_length = SCRAM_SALT_BYTES};
	scram_hmac(process_key, user, strlen(user), hash);
	memcpy(secret->salt, hash, SCRAM_SALT_BYTES);
}

/* --- attributes --------------------------------------------------------------------------- */

bool scram_take(const char **cursor, const char *end, char letter, const char **value,
		size_t *length)
{
	const char *at = *cursor;

	if (end - at < 2 || at[0] != letter || at[1] != '=')
		return false;
	*value = at + 2;
	const char *comma = memchr(*value, ',', (size_t)(end - *value));
	const char *stop = comma != NULL ? comma : end;
	*length = (size_t)(stop - *value);
	*cursor = comma != NULL ? comma + 1 : end;
	return true;
}

bool scram_is_printable(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] < 0x21 || text[i] > 0x7e || text[i] == ',')
			return false;
	return length > 0;
}

size_t scram_write_binding(const char *gs2_header, const unsigned char *binding,
			   size_t binding_length, char text[SCRAM_BINDING_TEXT_BYTES])
{
	char both[SCRAM_HEADER_BYTES + SCRAM_BINDING_MOST];
	size_t length = strlen(gs2_header);

	memcpy(both, gs2_header, length);
	if (binding != NULL) {
		memcpy(both + length, binding, binding_length);
		length += binding_length;
	}
	return base64_encode(both, length, text);
}
