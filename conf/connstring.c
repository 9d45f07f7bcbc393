#include "conf/connstring.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf/ini.h"
#include "conf/memory.h"

void connstring_init(struct connstring *cursor, const char *text)
{
	*cursor = (struct connstring){.text = text_copy(text)};
	cursor->next = cursor->text;
	cursor->bytes = strlen(text);
}

void connstring_release(struct connstring *cursor)
{
	/* Words were cut off it in place. */
	if (cursor->text)
		explicit_bzero(cursor->text, cursor->bytes);
	free(cursor->text);
	*cursor = (struct connstring){0};
}

static bool fail(struct connstring *cursor, const char *at, const char *wrong)
{
	cursor->wrong = wrong;
	cursor->where = (size_t)(at - cursor->text) + 1;
	return false;
}

static char *skip_blanks(char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

/* What a word without a "=" was probably meant as. */
static const char *meant_by(const char *word)
{
	if (*word == ';' || *word == '#')
		return INI_COMMENT_ADVICE " (and a value with blanks must be quoted)";
	if (strncmp(word, "postgres://", 11) == 0 || strncmp(word, "postgresql://", 13) == 0)
		return "an address must be written as host=... port=... dbname=... user=...";
	return "expected key=value (a value with blanks must be quoted)";
}

/* Ends the word at `end`, which may be the end of all. */
static void cut(struct connstring *cursor, char *end)
{
	cursor->next = *end ? end + 1 : end;
	*end = '\0';
}

static bool read_quoted(struct connstring *cursor, char *quote)
{
	char *from = quote + 1, *to = quote;

	cursor->value = quote;
	while (*from && (*from != '\'' || from[1] == '\'')) {
		if (*from == '\'')
			from++;
		*to++ = *from++;
	}
	if (!*from)
		return fail(cursor, quote, "the quote that starts here does not end");
	if (from[1] && !isspace((unsigned char)from[1]))
		return fail(cursor, from + 1, "a blank must follow the quoted value");
	*to = '\0';
	cursor->next = from + 1;
	return true;
}

bool connstring_next(struct connstring *cursor)
{
	char *key = skip_blanks(cursor->next), *end = key, *value;

	if (!*key)
		return false;
	while (*end && *end != '=' && !isspace((unsigned char)*end))
		end++;
	value = skip_blanks(end);
	if (*value != '=')
		return fail(cursor, key, meant_by(key));
	if (end == key)
		return fail(cursor, key, "there is no key before the \"=\"");
	value = skip_blanks(value + 1);
	*end = '\0';
	cursor->key = key;
	if (*value == '\'')
		return read_quoted(cursor, value);

	cursor->value = value;
	while (*value && !isspace((unsigned char)*value))
		value++;
	cut(cursor, value);
	return true;
}
