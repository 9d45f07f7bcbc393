#include "daemon/console/command.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/array.h"

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

/* 'text' or "text", where a doubled quote stands for one. */
static bool take_quoted(struct cursor *cursor, char *text, size_t size)
{
	const char *from = cursor->at;
	char quote = *cursor->at++;
	size_t length = 0;

	while (cursor->at < cursor->end) {
		char c = *cursor->at++;
		if (c == quote && !skip_char(cursor, quote)) {
			text[length] = '\0';
			return true;
		}
		if (length + 1 < size)
			text[length++] = c;
		else
			cursor->overflown = true;
	}
	cursor->at = from;
	return false;
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

static bool take_any_value(struct cursor *cursor, char *value, size_t size)
{
	if (cursor->at < cursor->end && (*cursor->at == '\'' || *cursor->at == '"'))
		return take_quoted(cursor, value, size);
	return take_value(cursor, value, size);
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
	return take_any_value(cursor, command->value, sizeof command->value);
}

/* --- WHERE, ORDER BY, LIMIT --------------------------------------------------------------- */

/* Takes the word if it is the next one, in any case. */
static bool skip_word(struct cursor *cursor, const char *word)
{
	size_t length = strlen(word);
	size_t left = (size_t)(cursor->end - cursor->at);

	if (left < length || strncasecmp(cursor->at, word, length) != 0 ||
	    (left > length && is_word(cursor->at[length])))
		return false;
	cursor->at += length;
	skip_blanks(cursor);
	return true;
}

static bool take_comparison(struct cursor *cursor, enum selection_comparison *comparison)
{
	static const struct {
		const char *text;
		enum selection_comparison comparison;
	} all[] = {
		{"<=", SELECTION_AT_MOST}, {">=", SELECTION_AT_LEAST}, {"<>", SELECTION_UNEQUAL},
		{"!=", SELECTION_UNEQUAL}, {"=", SELECTION_EQUAL},     {"<", SELECTION_LESS},
		{">", SELECTION_MORE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		size_t length = strlen(all[i].text);
		if ((size_t)(cursor->end - cursor->at) >= length &&
		    strncmp(cursor->at, all[i].text, length) == 0) {
			cursor->at += length;
			*comparison = all[i].comparison;
			return true;
		}
	}
	return false;
}

static bool take_condition(struct cursor *cursor, struct selection *selection)
{
	struct selection_condition *condition = &selection->conditions[selection->condition_count];

	if (selection->condition_count == SELECTION_CONDITIONS ||
	    !take_word(cursor, condition->column, sizeof condition->column))
		return false;
	skip_blanks(cursor);
	if (!take_comparison(cursor, &condition->comparison))
		return false;
	skip_blanks(cursor);
	if (!take_any_value(cursor, condition->value, sizeof condition->value))
		return false;
	skip_blanks(cursor);
	selection->condition_count++;
	return true;
}

static bool take_order(struct cursor *cursor, struct selection *selection)
{
	struct selection_order *order = &selection->orders[selection->order_count];

	if (selection->order_count == SELECTION_ORDERS ||
	    !take_word(cursor, order->column, sizeof order->column))
		return false;
	skip_blanks(cursor);
	order->is_descending = skip_word(cursor, "desc");
	if (!order->is_descending)
		skip_word(cursor, "asc");
	selection->order_count++;
	return true;
}

static bool take_limit(struct cursor *cursor, struct selection *selection)
{
	char digits[16];

	if (!take_word(cursor, digits, sizeof digits) ||
	    strspn(digits, "0123456789") != strlen(digits) || digits[0] == '\0')
		return false;
	selection->limit = strtoll(digits, NULL, 10);
	return true;
}

static bool take_clauses(struct cursor *cursor, struct selection *selection)
{
	skip_blanks(cursor);
	if (skip_word(cursor, "where")) {
		do {
			if (!take_condition(cursor, selection))
				return false;
		} while (skip_word(cursor, "and"));
	}
	if (skip_word(cursor, "order")) {
		if (!skip_word(cursor, "by"))
			return false;
		do {
			skip_blanks(cursor);
			if (!take_order(cursor, selection))
				return false;
			skip_blanks(cursor);
		} while (skip_char(cursor, ','));
	}
	return !skip_word(cursor, "limit") || take_limit(cursor, selection);
}

/* --- commands ----------------------------------------------------------------------------- */

bool command_is_show(const struct command *command)
{
	return strcasecmp(command->verb, "SHOW") == 0 || strcasecmp(command->verb, "SELECT") == 0;
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
	if (command->argument[0] != '\0' && command_is_show(command) &&
	    !take_clauses(cursor, &command->selection))
		return COMMAND_INVALID;
	if (!is_at_end(cursor))
		return COMMAND_INVALID;
	return cursor->overflown ? COMMAND_TOO_LONG : form;
}

void command_parse(const char *text, size_t length, struct command *command)
{
	struct cursor cursor = {.at = text, .end = text + length};

	memset(command, 0, sizeof *command);
	command->selection.limit = -1;
	command->form = parse(&cursor, command);
}
