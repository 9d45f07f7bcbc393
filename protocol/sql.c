#include "protocol/sql.h"

#include <string.h>
#include <strings.h>

#include "protocol/sql_token.h"

static void set(struct sql *sql, enum sql_effect effect, const struct sql_token *name,
		const char *end)
{
	if (!sql_token_is_name(name))
		return; /* a syntax error, which the server will tell */
	sql->effect = effect;
	sql->name = name->start;
	sql->name_length = (uint32_t)(name->end - name->start);
	/* U&"..." is read as the word U, followed by something else. */
	sql->has_escapes = sql_token_is(name, "u") && name->end < end && *name->end == '&';
}

static void look_at_deallocate(struct sql *sql, const char *at, const char *end,
			       enum sql_quotes quotes)
{
	struct sql_token name = sql_token_next(at, end, quotes);

	if (sql_token_is(&name, "prepare")) {
		struct sql_token next = sql_token_next(name.end, end, quotes);
		if (sql_token_is_name(&next))
			name = next;
	}
	if (sql_token_is(&name, "all"))
		sql->effect = SQL_DEALLOCATE_ALL;
	else
		set(sql, SQL_DEALLOCATE, &name, end);
}

static void look_at_prepare(struct sql *sql, const char *at, const char *end,
			    enum sql_quotes quotes)
{
	struct sql_token name = sql_token_next(at, end, quotes);
	struct sql_token next = sql_token_next(name.end, end, quotes);

	/* PREPARE TRANSACTION 'x' is something else. */
	bool is_two_phase = sql_token_is(&name, "transaction") && next.kind == TOKEN_OTHER &&
			    *next.start == '\'';
	if (!is_two_phase)
		set(sql, SQL_PREPARE, &name, end);
}

/* CREATE TABLE ... AS EXECUTE name */
static void look_at_create(struct sql *sql, const char *at, const char *end,
			   enum sql_quotes quotes)
{
	static const char *const words[] = {"table",  "temp",	  "temporary", "local",
					    "global", "unlogged", NULL};
	struct sql_token token = sql_token_next(at, end, quotes);
	bool follows_as = false;

	for (const char *const *word = words; !sql_token_is(&token, *word); word++)
		if (word[1] == NULL)
			return;
	while (!sql_token_ends_statement(&token)) {
		bool is_execute = follows_as && sql_token_is(&token, "execute");
		follows_as = sql_token_is(&token, "as");
		token = sql_token_next(token.end, end, quotes);
		if (is_execute) {
			set(sql, SQL_EXECUTE, &token, end);
			return;
		}
	}
}

/* EXPLAIN ANALYZE VERBOSE statement, EXPLAIN (options) statement */
static struct sql_token skip_explain(const char *at, const char *end, enum sql_quotes quotes)
{
	struct sql_token token = sql_token_next(at, end, quotes);

	if (token.kind == TOKEN_OTHER && *token.start == '(') {
		while (!sql_token_ends_statement(&token) && *token.start != ')')
			token = sql_token_next(token.end, end, quotes);
		return sql_token_next(token.end, end, quotes);
	}
	while (sql_token_is(&token, "analyze") || sql_token_is(&token, "analyse") ||
	       sql_token_is(&token, "verbose"))
		token = sql_token_next(token.end, end, quotes);
	return token;
}

static void look_at(struct sql *sql, struct sql_token first, const char *end,
		    enum sql_quotes quotes)
{
	struct sql_token second;

	if (sql_token_is(&first, "explain"))
		first = skip_explain(first.end, end, quotes);
	if (sql_token_is(&first, "execute")) {
		second = sql_token_next(first.end, end, quotes);
		set(sql, SQL_EXECUTE, &second, end);
	} else if (sql_token_is(&first, "prepare")) {
		look_at_prepare(sql, first.end, end, quotes);
	} else if (sql_token_is(&first, "deallocate")) {
		look_at_deallocate(sql, first.end, end, quotes);
	} else if (sql_token_is(&first, "create")) {
		look_at_create(sql, first.end, end, quotes);
	} else if (sql_token_is(&first, "discard")) {
		second = sql_token_next(first.end, end, quotes);
		if (sql_token_is(&second, "all"))
			sql->effect = SQL_DEALLOCATE_ALL;
	}
}

bool sql_next(const char **text, const char *end, enum sql_quotes quotes, struct sql *sql)
{
	struct sql_token token = sql_token_next(*text, end, quotes);
	int depth = 0;

	*sql = (struct sql){.effect = SQL_NONE};
	while (token.kind == TOKEN_SEMICOLON)
		token = sql_token_next(token.end, end, quotes);
	if (token.kind == TOKEN_END)
		return false;
	look_at(sql, token, end, quotes);
	/* A rule's commands stand in parentheses. */
	while (token.kind != TOKEN_END && (token.kind != TOKEN_SEMICOLON || depth > 0)) {
		if (token.kind == TOKEN_OTHER)
			depth += (*token.start == '(') - (*token.start == ')');
		token = sql_token_next(token.end, end, quotes);
	}
	*text = token.end;
	return true;
}

void sql_look(struct sql *sql, const char *text, size_t length)
{
	*sql = (struct sql){.effect = SQL_NONE};
	if (sql_may_begin(text, length)) {
		struct sql_token first = sql_token_next(text, text + length, SQL_STANDARD_QUOTES);
		while (first.kind == TOKEN_SEMICOLON)
			first = sql_token_next(first.end, text + length, SQL_STANDARD_QUOTES);
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
	if (sql->has_escapes || !sql_name_is_ascii(sql))
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

static bool ends_in(const char *text, const char *end, const char *word, size_t length)
{
	return (size_t)(end - text) >= length && strncasecmp(end - length, word, length) == 0;
}

/* INTO, but for INSERT INTO, or CREATE. */
bool sql_may_make_table(const char *text, size_t length)
{
	const char *end = text + length;

	for (const char *at = text; end - at >= 4; at++) {
		if ((*at | 0x20) == 'c' && end - at >= 6 && strncasecmp(at, "create", 6) == 0)
			return true;
		if ((*at | 0x20) != 'i' || strncasecmp(at, "into", 4) != 0)
			continue;
		const char *before = at;
		while (before > text && (unsigned char)before[-1] <= ' ')
			before--;
		if (!ends_in(text, before, "insert", 6))
			return true;
	}
	return false;
}
