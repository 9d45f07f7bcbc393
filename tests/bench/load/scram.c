#include "tests/bench/load/scram.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { KEY_BYTES = 32, SALT_MOST = 64, TEXT_MOST = 300 };
enum { REQUEST_SASL = 10, REQUEST_CONTINUE = 11 };

#define MECHANISM "SCRAM-SHA-256"
/* Which nonce it is makes no difference to what it costs. */
#define FIRST_BARE "n=,r=a+nonce+that+is+always+the+same"

static const char *password;
static char salt[SALT_MOST]; /* of the keys, as text */
static int iterations;
static unsigned char client_key[KEY_BYTES], stored_key[KEY_BYTES];

void scram_set_password(const char *given)
{
	password = given;
}

const char *scram_password(void)
{
	return password;
}

static void hmac(const unsigned char *key, const char *text, unsigned char *out)
{
	HMAC(EVP_sha256(), key, KEY_BYTES, (const unsigned char *)text, strlen(text), out, NULL);
}

/* False: the salt has no proper form. */
static _Bool derive(const char *salt_text, int count)
{
	unsigned char raw[SALT_MOST], salted[KEY_BYTES];
	size_t length = strlen(salt_text);
	int raw_length = EVP_DecodeBlock(raw, (const unsigned char *)salt_text, (int)length);

	if (count == iterations && strcmp(salt_text, salt) == 0)
		return 1;
	if (raw_length <= 0)
		return 0;
	for (size_t i = length; i > 0 && salt_text[i - 1] == '='; i--)
		raw_length--;
	PKCS5_PBKDF2_HMAC(password, (int)strlen(password), raw, raw_length, count, EVP_sha256(), KEY_BYTES,
			  salted);
	hmac(salted, "Client Key", client_key);
	EVP_Digest(client_key, KEY_BYTES, stored_key, NULL, EVP_sha256(), NULL);
	snprintf(salt, sizeof(salt), "%s", salt_text);
	iterations = count;
	return 1;
}

/* A message of the letter p: its length, and what `put` has left behind it. */
static size_t frame(char *answer, size_t body)
{
	uint32_t length = htonl((uint32_t)body + 4);

	answer[0] = 'p';
	memcpy(answer + 1, &length, 4);
	return body + 5;
}

static size_t answer_first(char *answer)
{
	static const char first[] = "n,," FIRST_BARE;
	uint32_t length = htonl(sizeof(first) - 1);
	size_t at = 5;

	memcpy(answer + at, MECHANISM, sizeof(MECHANISM));
	at += sizeof(MECHANISM);
	memcpy(answer + at, &length, 4);
	memcpy(answer + at + 4, first, sizeof(first) - 1);
	return frame(answer, at + 4 + sizeof(first) - 1 - 5);
}

/* r=...,s=...,i=... */
static size_t answer_final(const char *server_first, char *answer)
{
	char nonce[TEXT_MOST / 2], salt_text[SALT_MOST], joined[3 * TEXT_MOST];
	unsigned char signature[KEY_BYTES], proof[KEY_BYTES], text[2 * KEY_BYTES];
	int count;

	if (sscanf(server_first, "r=%149[^,],s=%63[^,],i=%d", nonce, salt_text, &count) != 3 ||
	    !derive(salt_text, count))
		return 0;
	snprintf(joined, sizeof(joined), FIRST_BARE ",%s,c=biws,r=%s", server_first, nonce);
	hmac(stored_key, joined, signature);
	for (int i = 0; i < KEY_BYTES; i++)
		proof[i] = client_key[i] ^ signature[i];
	EVP_EncodeBlock(text, proof, KEY_BYTES);
	return frame(answer, (size_t)snprintf(answer + 5, SCRAM_ANSWER_BYTES - 5, "c=biws,r=%s,p=%s",
					      nonce, (const char *)text));
}

size_t scram_answer(const char *message, size_t size, char answer[SCRAM_ANSWER_BYTES])
{
	char text[TEXT_MOST];
	uint32_t length, kind;

	if (password == NULL || size < 9 || message[0] != 'R')
		return 0;
	memcpy(&length, message + 1, 4);
	memcpy(&kind, message + 5, 4);
	if (ntohl(length) + 1 != size || size - 9 >= sizeof(text))
		return 0;
	memcpy(text, message + 9, size - 9);
	text[size - 9] = '\0';
	switch (ntohl(kind)) {
	case REQUEST_SASL:
		return answer_first(answer);
	case REQUEST_CONTINUE:
		return answer_final(text, answer);
	default:
		return 0;
	}
}
