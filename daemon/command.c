#include "daemon/command.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* What is left of the text, and whether some word of it did not fit. */
struct cursor {
	const char *at;
	const char *end;
	bool overflown;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Not isalnum(), which depends on the locale. */
static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* Whether there were any. */
static bool skip_blanks(struct cursor *cursor)
{
	const char *from = cursor->at;
	while (cursor->at < cursor->end && is_blank(*cursor->at))
		cursor->at++;
	return cursor->at > from;
}

static bool skip_char(struct cursor *cursor, char c)
{
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

static void copy(struct cursor *cursor, const char *from, size_t length, char *word, size_t size)
{
	if (length >= size)
		cursor->overflown = true;
	else
		memcpy(word, from, length);
	word[length < size ? length : 0] = '\0';
}

static bool take_quoted(struct cursor *cursor, char *word, size_t size)
{
	const char *from = cursor->at + 1;
	const char *quote = memchr(from, '"', (size_t)(cursor->end - from));
	if (quote == NULL)
		return false;
	copy(cursor, from, (size_t)(quote - from), word, size);
	cursor->at = quote + 1;
	return true;
}

static bool take_word(struct cursor *cursor, char *word, size_t size)
{
	const char *from = cursor->at;
	if (from < cursor->end && *from == '"')
		return take_quoted(cursor, word, size);
	while (cursor->at < cursor->end && is_word(*cursor->at))
		cursor->at++;
	copy(cursor, from, (size_t)(cursor->at - from), word, size);
	return cursor->at > from;
}

/* 'text', where '' stands for a quote. */
static bool take_string(struct cursor *cursor, char *text, size_t size)
{
	size_t length = 0;

	cursor->at++;
	while (cursor->at < cursor->end) {
		char c = *cursor->at++;
		if (c == '\'' && !skip_char(cursor, '\'')) {
			text[length] = '\0';
			return true;
		}
		if (length + 1 < size)
			text[length++] = c;
		else
			cursor->overflown = true;
	}
	return false;
}

/* Such as 1.5 or 127.0.0.1, which are no words. */
static bool take_value(struct cursor *cursor, char *value, size_t size)
{
	const char *from = cursor->at;
	while (cursor->at < cursor->end && !is_blank(*cursor->at) && *cursor->at != ';' &&
	       *cursor->at != '\'' && *cursor->at != '"')
		cursor->at++;
	copy(cursor, from, (size_t)(cursor->at - from), value, size);
	return cursor->at > from;
}

static bool take_to(struct cursor *cursor)
{
	if (cursor->end - cursor->at < 2 || strncasecmp(cursor->at, "to", 2) != 0)
		return false;
	cursor->at += 2;
	return true;
}

static bool take_assignment(struct cursor *cursor, struct command *command)
{
	skip_blanks(cursor);
	if (!skip_char(cursor, '=') && !take_to(cursor))
		return false;
	skip_blanks(cursor);
	if (cursor->at < cursor->end && *cursor->at == '\'')
		return take_string(cursor, command->value, sizeof command->value);
	if (cursor->at < cursor->end && *cursor->at == '"')
		return take_quoted(cursor, command->value, sizeof command->value);
	return take_value(cursor, command->value, sizeof command->value);
}

static bool is_at_end(struct cursor *cursor)
{
	skip_blanks(cursor);
	skip_char(cursor, ';');
	skip_blanks(cursor);
	return cursor->at == cursor->end;
}

static enum command_form parse(struct cursor *cursor, struct command *command)
{
	enum command_form form = COMMAND_WORDS;

	if (is_at_end(cursor))
		return COMMAND_EMPTY;
	if (!take_word(cursor, command->verb, sizeof command->verb))
		return COMMAND_INVALID;
	if (skip_blanks(cursor) && take_word(cursor, command->argument, sizeof command->argument) &&
	    strcasecmp(command->verb, "SET") == 0) {
		if (!take_assignment(cursor, command))
			return COMMAND_INVALID;
		form = COMMAND_SET;
	}
	if (!is_at_end(cursor))
		return COMMAND_INVALID;
	return cursor->overflown ? COMMAND_TOO_LONG : form;
}

void command_parse(const char *text, size_t length, struct command *command)
{
	struct cursor cursor = {.at = text, .end = text + length};

	memset(command, 0, sizeof *command);
	command->form = parse(&cursor, command);
}
