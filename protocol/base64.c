#include "protocol/base64.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

size_t base64_encode(const void *data, size_t length, char *text)
{
	return (size_t)EVP_EncodeBlock((unsigned char *)text, data, (int)length);
}

/* -1: it is not in the alphabet. */
static int value_of(char letter)
{
	if (letter >= 'A' && letter <= 'Z')
		return letter - 'A';
	if (letter >= 'a' && letter <= 'z')
		return letter - 'a' + 26;
	if (letter >= '0' && letter <= '9')
		return letter - '0' + 52;
	return letter == '+' ? 62 : letter == '/' ? 63 : -1;
}

/* Four characters, of which the last `padding` ones are known to be '='. */
static bool decode_group(const char *text, size_t padding, unsigned char bytes[3])
{
	uint32_t group = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - padding ? value_of(text[i]) : 0;
		if (value < 0)
			return false;
		group = group << 6 | (uint32_t)value;
	}
	bytes[0] = (unsigned char)(group >> 16);
	bytes[1] = (unsigned char)(group >> 8);
	bytes[2] = (unsigned char)group;
	/* One text for one value: what is not used is zero. */
	return (group & ((1u << 8 * padding) - 1)) == 0;
}

bool base64_decode(const char *text, size_t length, void *data, size_t most, size_t *decoded)
{
	size_t padding = 0;
	unsigned char bytes[3];

	*decoded = 0;
	if (length % 4 != 0)
		return false;
	if (length > 0 && text[length - 1] == '=')
		padding = text[length - 2] == '=' ? 2 : 1;
	if (length / 4 * 3 - padding > most)
		return false;
	for (size_t i = 0; i < length; i += 4) {
		size_t missing = i + 4 == length ? padding : 0;
		if (!decode_group(text + i, missing, bytes))
			return false;
		memcpy((char *)data + *decoded, bytes, 3 - missing);
		*decoded += 3 - missing;
	}
	return true;
}
