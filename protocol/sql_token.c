#include "protocol/sql_token.h"

#include <string.h>
#include <strings.h>

#include "protocol/sql.h"

static bool begins_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (unsigned char)c >= 0x80;
}

bool sql_continues_word(char c)
{
	return begins_word(c) || (c >= '0' && c <= '9') || c == '$';
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Comments of this kind can be nested. */
static const char *skip_block_comment(const char *at, const char *end)
{
	int depth = 0;

	while (end - at >= 2) {
		if (at[0] == '/' && at[1] == '*')
			depth++, at += 2;
		else if (at[0] == '*' && at[1] == '/')
			depth--, at += 2;
		else
			at++;
		if (depth == 0)
			return at;
	}
	return end;
}

static bool is_end_of_line(char c)
{
	return c == '\n' || c == '\r';
}

static bool begins_line_comment(const char *at, const char *end)
{
	return end - at >= 2 && at[0] == '-' && at[1] == '-';
}

/* To where its line ends. */
static const char *skip_line(const char *at, const char *end)
{
	while (at < end && !is_end_of_line(*at))
		at++;
	return at;
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end) {
		if (is_space(*at))
			at++;
		else if (begins_line_comment(at, end))
			at = skip_line(at, end);
		else if (end - at >= 2 && at[0] == '/' && at[1] == '*')
			at = skip_block_comment(at, end);
		else
			break;
	}
	return at;
}

/* Behind the quote that closes the one at `at`; a doubled quote is a part of the text. */
static const char *skip_quoted(const char *at, const char *end, bool escapes)
{
	char quote = *at++;

	while (at < end) {
		if (escapes && *at == '\\' && end - at >= 2)
			at += 2;
		else if (*at++ != quote)
			continue;
		else if (at == end || *at != quote)
			return at;
		else
			at++;
	}
	return end;
}

/* Where a string that has ended at `at` goes on in another line, or NULL. */
static const char *find_continuation(const char *at, const char *end)
{
	bool is_other_line = false;

	for (; at < end && (is_space(*at) || begins_line_comment(at, end)); at++) {
		if (*at == '-')
			at = skip_line(at, end) - 1;
		else
			is_other_line |= is_end_of_line(*at);
	}
	return is_other_line && at < end && *at == '\'' ? at : NULL;
}

/* The string behind an E: what follows in other lines has escapes as well. */
static const char *skip_escaped(const char *at, const char *end, bool escapes)
{
	const char *behind;

	do {
		behind = skip_quoted(at, end, escapes);
		at = find_continuation(behind, end);
	} while (at != NULL);
	return behind;
}

/* $tag$ ... $tag$, or the sign alone, as in $1. */
static const char *skip_dollars(const char *at, const char *end)
{
	const char *tag_end = at + 1;

	if (tag_end < end && *tag_end >= '0' && *tag_end <= '9')
		return tag_end;
	while (tag_end < end && *tag_end != '$' && sql_continues_word(*tag_end))
		tag_end++;
	if (tag_end == end || *tag_end != '$')
		return at + 1;
	size_t tag = (size_t)(tag_end - at) + 1;
	const char *close = memmem(at + tag, (size_t)(end - at) - tag, at, tag);
	return close == NULL ? end : close + tag;
}

struct sql_token sql_token_next(const char *at, const char *end, enum sql_quotes quotes)
{
	at = skip_blanks(at, end);
	struct sql_token token = {TOKEN_OTHER, at, at + 1};

	if (at == end)
		return (struct sql_token){TOKEN_END, end, end};
	if (begins_word(*at)) {
		token.kind = TOKEN_WORD;
		while (token.end < end && sql_continues_word(*token.end))
			token.end++;
		/* E'...' has backslash escapes. */
		if (token.end - at == 1 && (*at | 0x20) == 'e' && token.end < end &&
		    *token.end == '\'')
			return (struct sql_token){
				TOKEN_OTHER, at,
				skip_escaped(token.end, end, quotes != SQL_PLAIN_QUOTES)};
	} else if (*at == '"') {
		token.kind = TOKEN_QUOTED_NAME;
		token.end = skip_quoted(at, end, false);
	} else if (*at == '\'') {
		token.end = skip_quoted(at, end, quotes == SQL_ESCAPED_QUOTES);
	} else if (*at == '$') {
		token.end = skip_dollars(at, end);
	} else if (*at == ';') {
		token.kind = TOKEN_SEMICOLON;
	}
	return token;
}

bool sql_token_is(const struct sql_token *token, const char *word)
{
	size_t length = (size_t)(token->end - token->start);

	return token->kind == TOKEN_WORD && strlen(word) == length &&
	       strncasecmp(token->start, word, length) == 0;
}

bool sql_token_is_name(const struct sql_token *token)
{
	return token->kind == TOKEN_WORD || token->kind == TOKEN_QUOTED_NAME;
}

bool sql_token_ends_statement(const struct sql_token *token)
{
	return token->kind == TOKEN_END || token->kind == TOKEN_SEMICOLON;
}
