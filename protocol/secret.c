#include "protocol/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "protocol/scram.h"

#define MD5_DIGITS ((size_t)32)

static bool is_md5(const char *stored)
{
	return strncmp(stored, "md5", 3) == 0 && strlen(stored) == MD5_TEXT_BYTES - 1 &&
	       strspn(stored + 3, "0123456789abcdef") == MD5_DIGITS;
}

enum secret_kind secret_kind(const char *stored)
{
	struct scram_secret secret;

	if (stored == NULL || stored[0] == '\0')
		return SECRET_NONE;
	if (is_md5(stored))
		return SECRET_MD5;
	if (strncmp(stored, SCRAM_SECRET_PREFIX, sizeof SCRAM_SECRET_PREFIX - 1) != 0)
		return SECRET_PLAIN;
	bool is_whole = scram_secret_parse(stored, &secret);
	OPENSSL_cleanse(&secret, sizeof secret);
	return is_whole ? SECRET_SCRAM : SECRET_BROKEN;
}

static bool md5_text(const void *one, size_t one_length, const void *other, size_t other_length,
		     char text[MD5_TEXT_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char hash[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context != NULL && EVP_DigestInit_ex(context, EVP_md5(), NULL) == 1 &&
		    EVP_DigestUpdate(context, one, one_length) == 1 &&
		    EVP_DigestUpdate(context, other, other_length) == 1 &&
		    EVP_DigestFinal_ex(context, hash, NULL) == 1;

	EVP_MD_CTX_free(context);
	if (!good)
		return false;
	memcpy(text, "md5", 3);
	for (size_t i = 0; i < MD5_DIGITS; i++)
		text[3 + i] = digits[hash[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
	text[3 + MD5_DIGITS] = '\0';
	OPENSSL_cleanse(hash, sizeof hash);
	return true;
}

bool md5_secret(const char *password, const char *user, char text[MD5_TEXT_BYTES])
{
	return md5_text(password, strlen(password), user, strlen(user), text);
}

bool md5_response(const char *secret, const unsigned char salt[MD5_SALT_BYTES],
		  char text[MD5_TEXT_BYTES])
{
	return md5_text(secret + 3, MD5_DIGITS, salt, MD5_SALT_BYTES, text);
}

/* In a time that does not tell where they differ. */
static bool is_equal(const char *one, const char *other)
{
	unsigned char hashes[2][SCRAM_KEY_BYTES];

	/* Of their hashes, so that not even the length shows. */
	bool equal = scram_hash(one, strlen(one), hashes[0]) &&
		     scram_hash(other, strlen(other), hashes[1]) &&
		     CRYPTO_memcmp(hashes[0], hashes[1], SCRAM_KEY_BYTES) == 0;
	OPENSSL_cleanse(hashes, sizeof hashes);
	return equal;
}

bool secret_has_password(const char *stored, const char *user, const char *password)
{
	struct scram_secret secret;
	char text[MD5_TEXT_BYTES];
	bool good = false;

	switch (secret_kind(stored)) {
	case SECRET_NONE:
	case SECRET_BROKEN:
		return false;
	case SECRET_PLAIN:
		return is_equal(stored, password);
	case SECRET_MD5:
		good = md5_secret(password, user, text) && is_equal(stored, text);
		OPENSSL_cleanse(text, sizeof text);
		return good;
	case SECRET_SCRAM:
		good = scram_secret_parse(stored, &secret) &&
		       scram_secret_has_password(&secret, password, NULL);
		OPENSSL_cleanse(&secret, sizeof secret);
		return good;
	}
	return false;
}

bool secret_has_md5_response(const char *stored, const char *user,
			     const unsigned char salt[MD5_SALT_BYTES], const char *response)
{
	char secret[MD5_TEXT_BYTES];
	char expected[MD5_TEXT_BYTES];
	enum secret_kind kind = secret_kind(stored);

	if (kind == SECRET_PLAIN && !md5_secret(stored, user, secret))
		return false;
	if (kind == SECRET_MD5)
		memcpy(secret, stored, sizeof secret);
	else if (kind != SECRET_PLAIN)
		return false;
	bool good = md5_response(secret, salt, expected) && is_equal(expected, response);
	OPENSSL_cleanse(secret, sizeof secret);
	OPENSSL_cleanse(expected, sizeof expected);
	return good;
}
