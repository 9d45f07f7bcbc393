#include "protocol/base64.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

size_t base64_encode(const void *data, size_t length, char *text)
{
	return (size_t)EVP_EncodeBlock((unsigned char *)text, data, (int)length);
}

/* One more than the value of a character; 0: it is not in the alphabet. */
static const unsigned char values[256] = {
	['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
	14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
	['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39,
	40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
	['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
	['+'] = 63,
	['/'] = 64,
};

/* Four characters, of which the last `padding` ones are known to be '='. */
static bool decode_group(const char *text, size_t padding, unsigned char bytes[3])
{
	uint32_t group = 0;

	for (size_t i = 0; i < 4; i++) {
		uint32_t value = i < 4 - padding ? values[(unsigned char)text[i]] : 1;
		if (value == 0)
			return false;
		group = group << 6 | (value - 1);
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
