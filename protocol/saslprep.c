#include "protocol/saslprep.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct range {
	uint32_t first;
	uint32_t last;
};

/* C.1.2 */
static const struct range blanks[] = {
	{0x00A0, 0x00A0}, {0x1680, 0x1680}, {0x2000, 0x200B},
	{0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000},
};

/* B.1, without U+200B, which is a blank */
static const struct range invisible[] = {
	{0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x1806, 0x1806}, {0x180B, 0x180D},
	{0x200C, 0x200D}, {0x2060, 0x2060}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF},
};

/* C.2.1, C.2.2, C.3 to C.9; those of single planes' ends are dealt with apart. */
static const struct range prohibited[] = {
	{0x0000, 0x001F},   {0x007F, 0x009F},	{0x0340, 0x0341},     {0x06DD, 0x06DD},
	{0x070F, 0x070F},   {0x180E, 0x180E},	{0x200E, 0x200F},     {0x2028, 0x202E},
	{0x2061, 0x2063},   {0x206A, 0x206F},	{0x2FF0, 0x2FFB},     {0xD800, 0xF8FF},
	{0xFDD0, 0xFDEF},   {0xFFF9, 0xFFFF},	{0x1D173, 0x1D17A},   {0xE0001, 0xE0001},
	{0xE0020, 0xE007F}, {0xF0000, 0xFFFFD}, {0x100000, 0x10FFFD},
};

/* Some that NFKC leaves alone: letters of Europe, and Han. */
static const struct range stable[] = {
	{0x0001, 0x007F}, {0x00C0, 0x0131}, {0x0134, 0x013E}, {0x0141, 0x0148},
	{0x014A, 0x017E}, {0x0391, 0x03A1}, {0x03A3, 0x03CE}, {0x0400, 0x0481},
	{0x4E00, 0x9FA5},
};

static bool is_in(uint32_t character, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	return false;
}

#define IS_IN(character, ranges) is_in(character, ranges, sizeof(ranges) / sizeof *(ranges))

/* The character at `text` and how many bytes it takes; 0: not UTF-8 in its shortest form. */
static size_t read_utf8(const char *text, uint32_t *character)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)text[0];
	size_t length = first < 0x80   ? 1
			: first < 0xC0 ? 0
			: first < 0xE0 ? 2
			: first < 0xF0 ? 3
			: first < 0xF8 ? 4
				       : 0;

	*character = length < 2 ? first : first & (0x7Fu >> length);
	for (size_t i = 1; i < length; i++) {
		unsigned char next = (unsigned char)text[i];
		if ((next & 0xC0) != 0x80)
			return 0;
		*character = *character << 6 | (next & 0x3F);
	}
	return length > 0 && *character >= least[length] && *character <= 0x10FFFF ? length : 0;
}

static bool is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

/* False: a character that prevents it. `to` has room for as much as `from` takes. */
static bool prepare(const char *from, char *to)
{
	size_t length;

	for (; *from != '\0'; from += length) {
		uint32_t character;
		length = read_utf8(from, &character);
		if (length == 0 || IS_IN(character, prohibited) || (character & 0xFFFE) == 0xFFFE)
			return false;
		if (IS_IN(character, blanks))
			*to++ = ' ';
		else if (!IS_IN(character, invisible))
			to = mempcpy(to, from, length);
	}
	*to = '\0';
	return true;
}

bool saslprep_is_complete(const char *password)
{
	size_t length;

	for (; *password != '\0'; password += length) {
		uint32_t character;
		length = read_utf8(password, &character);
		if (length == 0 || !IS_IN(character, stable))
			return false;
	}
	return true;
}

char *saslprep(const char *password)
{
	size_t bytes = strlen(password) + 1;
	char *prepared = is_ascii(password) ? NULL : malloc(bytes);

	/* Nothing left is no password either. */
	if (prepared != NULL && prepare(password, prepared) && prepared[0] != '\0')
		return prepared;
	if (prepared != NULL)
		explicit_bzero(prepared, bytes);
	free(prepared);
	return NULL;
}
