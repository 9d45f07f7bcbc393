#include "protocol/sql.h"

#include <string.h>
#include <strings.h>

/* --- tokens ------------------------------------------------------------------------------- */

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED_NAME, TOKEN_SEMICOLON, TOKEN_OTHER };

struct token {
	enum token_kind kind;
	const char *start;
	const char *end;
};

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

static struct token next_token(const char *at, const char *end, enum sql_quotes quotes)
{
	at = skip_blanks(at, end);
	struct token token = {TOKEN_OTHER, at, at + 1};

	if (at == end)
		return (struct token){TOKEN_END, end, end};
	if (begins_word(*at)) {
		token.kind = TOKEN_WORD;
		while (token.end < end && sql_continues_word(*token.end))
			token.end++;
		/* E'...' has backslash escapes. */
		if (token.end - at == 1 && (*at | 0x20) == 'e' && token.end < end &&
		    *token.end == '\'')
			return (struct token){
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

/* --- statements --------------------------------------------------------------------------- */

static bool is_word(const struct token *token, const char *word)
{
	size_t length = (size_t)(token->end - token->start);

	return token->kind == TOKEN_WORD && strlen(word) == length &&
	       strncasecmp(token->start, word, length) == 0;
}

static bool is_name(const struct token *token)
{
	return token->kind == TOKEN_WORD || token->kind == TOKEN_QUOTED_NAME;
}

static bool ends_statement(const struct token *token)
{
	return token->kind == TOKEN_END || token->kind == TOKEN_SEMICOLON;
}

static void set(struct sql *sql, enum sql_effect effect, const struct token *name)
{
	if (!is_name(name))
		return; /* a syntax error, which the server will tell */
	sql->effect = effect;
	sql->name = name->start;
	sql->name_length = (uint32_t)(name->end - name->start);
}

static void look_at_deallocate(struct sql *sql, const char *at, const char *end,
			       enum sql_quotes quotes)
{
	struct token name = next_token(at, end, quotes);

	if (is_word(&name, "prepare")) {
		struct token next = next_token(name.end, end, quotes);
		if (is_name(&next))
			name = next;
	}
	if (is_word(&name, "all"))
		sql->effect = SQL_DEALLOCATE_ALL;
	else
		set(sql, SQL_DEALLOCATE, &name);
}

static void look_at_prepare(struct sql *sql, const char *at, const char *end,
			    enum sql_quotes quotes)
{
	struct token name = next_token(at, end, quotes);
	struct token next = next_token(name.end, end, quotes);

	/* PREPARE TRANSACTION 'x' is something else. */
	bool is_two_phase =
		is_word(&name, "transaction") && next.kind == TOKEN_OTHER && *next.start == '\'';
	if (!is_two_phase)
		set(sql, SQL_PREPARE, &name);
}

/* CREATE TABLE ... AS EXECUTE name */
static void look_at_create(struct sql *sql, const char *at, const char *end,
			   enum sql_quotes quotes)
{
	static const char *const words[] = {"table",  "temp",	  "temporary", "local",
					    "global", "unlogged", NULL};
	struct token token = next_token(at, end, quotes);
	bool follows_as = false;

	for (const char *const *word = words; !is_word(&token, *word); word++)
		if (word[1] == NULL)
			return;
	while (!ends_statement(&token)) {
		bool is_execute = follows_as && is_word(&token, "execute");
		follows_as = is_word(&token, "as");
		token = next_token(token.end, end, quotes);
		if (is_execute) {
			set(sql, SQL_EXECUTE, &token);
			return;
		}
	}
}

/* EXPLAIN ANALYZE VERBOSE statement, EXPLAIN (options) statement */
static struct token skip_explain(const char *at, const char *end, enum sql_quotes quotes)
{
	struct token token = next_token(at, end, quotes);

	if (token.kind == TOKEN_OTHER && *token.start == '(') {
		while (!ends_statement(&token) && *token.start != ')')
			token = next_token(token.end, end, quotes);
		return next_token(token.end, end, quotes);
	}
	while (is_word(&token, "analyze") || is_word(&token, "analyse") ||
	       is_word(&token, "verbose"))
		token = next_token(token.end, end, quotes);
	return token;
}

static void look_at(struct sql *sql, struct token first, const char *end, enum sql_quotes quotes)
{
	struct token second;

	if (is_word(&first, "explain"))
		first = skip_explain(first.end, end, quotes);
	if (is_word(&first, "execute")) {
		second = next_token(first.end, end, quotes);
		set(sql, SQL_EXECUTE, &second);
	} else if (is_word(&first, "prepare")) {
		look_at_prepare(sql, first.end, end, quotes);
	} else if (is_word(&first, "deallocate")) {
		look_at_deallocate(sql, first.end, end, quotes);
	} else if (is_word(&first, "create")) {
		look_at_create(sql, first.end, end, quotes);
	} else if (is_word(&first, "discard")) {
		second = next_token(first.end, end, quotes);
		if (is_word(&second, "all"))
			sql->effect = SQL_DEALLOCATE_ALL;
	}
}

bool sql_next(const char **text, const char *end, enum sql_quotes quotes, struct sql *sql)
{
	struct token token = next_token(*text, end, quotes);
	int depth = 0;

	*sql = (struct sql){.effect = SQL_NONE};
	while (token.kind == TOKEN_SEMICOLON)
		token = next_token(token.end, end, quotes);
	if (token.kind == TOKEN_END)
		return false;
	look_at(sql, token, end, quotes);
	/* A rule's commands stand in parentheses. */
	while (token.kind != TOKEN_END && (token.kind != TOKEN_SEMICOLON || depth > 0)) {
		if (token.kind == TOKEN_OTHER)
			depth += (*token.start == '(') - (*token.start == ')');
		token = next_token(token.end, end, quotes);
	}
	*text = token.end;
	return true;
}

void sql_look(struct sql *sql, const char *text, size_t length)
{
	*sql = (struct sql){.effect = SQL_NONE};
	if (sql_may_begin(text, length)) {
		struct token first = next_token(text, text + length, SQL_STANDARD_QUOTES);
		while (first.kind == TOKEN_SEMICOLON)
			first = next_token(first.end, text + length, SQL_STANDARD_QUOTES);
		look_at(sql, first, text + length, SQL_STANDARD_QUOTES);
	}
	sql->length = length;
}

bool sql_forgets_statements(const char *text)
{
	const char *end = text + strlen(text);
	struct sql sql;

	while (sql_next(&text, end, SQL_STANDARD_QUOTES, &sql))
		if (sql.effect == SQL_DEALLOCATE_ALL)
			return true;
	return false;
}

bool sql_name_is_ascii(const struct sql *sql)
{
	for (uint32_t i = 0; i < sql->name_length; i++)
		if ((unsigned char)sql->name[i] >= 0x80)
			return false;
	return true;
}

size_t sql_name(const struct sql *sql, char name[SQL_NAME_BYTES + 1])
{
	const char *at = sql->name;
	const char *end = at + sql->name_length;
	bool quoted = *at == '"';
	size_t length = 0;

	if (quoted && (sql->name_length < 2 || end[-1] != '"'))
		return 0;
	/* U&"..." is read as the word U, followed by something else. */
	if (!quoted && sql->name_length == 1 && (*at | 0x20) == 'u' && end[0] == '&')
		return 0;
	if (!sql_name_is_ascii(sql))
		return 0;
	for (at += quoted, end -= quoted; at < end && length < SQL_NAME_BYTES; at++) {
		char c = *at;
		if (!quoted && c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		name[length++] = c;
		if (quoted && c == '"')
			at++;
	}
	name[length] = '\0';
	return length;
}

/* pg_advisory_..., pg_try_advisory_..., but for those of a transaction. */
bool sql_is_about_locks(const char *text, size_t length)
{
	static const char name[] = "_advisory_";
	static const char of_transaction[] = "xact_";
	const char *end = text + length;
	const char *at = text;

	while ((at = memchr(at, '_', (size_t)(end - at))) != NULL) {
		const char *behind = at + sizeof name - 1;
		if (end - at < (ptrdiff_t)(sizeof name - 1))
			return false;
		if (strncasecmp(at, name, sizeof name - 1) == 0 &&
		    ((size_t)(end - behind) < sizeof of_transaction - 1 ||
		     strncasecmp(behind, of_transaction, sizeof of_transaction - 1) != 0))
			return true;
		at++;
	}
	return false;
}
