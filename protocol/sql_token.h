/*
 * The tokens of an SQL text: comments are skipped, quotes of all kinds are known.
 * Source: PostgreSQL manual, "Lexical Structure".
 */
#ifndef MILLPOND_PROTOCOL_SQL_TOKEN_H
#define MILLPOND_PROTOCOL_SQL_TOKEN_H

#include <stdbool.h>

#include "protocol/sql.h"

enum sql_token_kind { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED_NAME, TOKEN_SEMICOLON, TOKEN_OTHER };

/* A number or an operator is as many tokens as it has characters. */
struct sql_token {
	enum sql_token_kind kind;
	const char *start;
	const char *end;
};

/* The token that begins at `at`, or behind the blanks and comments there. */
struct sql_token sql_token_next(const char *at, const char *end, enum sql_quotes quotes);

/* Whether it is this word, of lower case. */
bool sql_token_is(const struct sql_token *token, const char *word);
bool sql_token_is_name(const struct sql_token *token);
bool sql_token_ends_statement(const struct sql_token *token);

#endif
