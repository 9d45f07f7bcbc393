#include "protocol/sql_settings.h"

#include <string.h>
#include <strings.h>

#include "protocol/sql.h"
#include "protocol/sql_token.h"

#define LONGEST_IDENTIFIER 63
#define DEEPEST 4

struct reading {
	const char *end;
	enum sql_quotes quotes;
	int depth; /* of texts in texts */
	void (*each)(void *context, enum sql_setting setting, const char *name);
	void *context;
};

static struct sql_token next(const struct reading *reading, const struct sql_token *token)
{
	return sql_token_next(token->end, reading->end, reading->quotes);
}

static bool is_sign(const struct sql_token *token, char sign)
{
	return token->kind == TOKEN_OTHER && *token->start == sign;
}

static void tell(const struct reading *reading, enum sql_setting setting, const char *name)
{
	reading->each(reading->context, setting, name);
}

/* --- names -------------------------------------------------------------------------------- */

bool sql_parameter_name(char name[SQL_PARAMETER_BYTES], const char *text, size_t length)
{
	if (length == 0 || length >= SQL_PARAMETER_BYTES)
		return false;
	memcpy(name, text, length);
	name[length] = '\0';
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$") ==
	       length;
}

struct name {
	char text[SQL_PARAMETER_BYTES];
	size_t length;
	bool is_known; /* it is no expression */
};

static void add_part(struct name *name, const char *start, const char *end)
{
	for (; start < end && name->length < sizeof name->text; start++)
		name->text[name->length++] = *start;
}

static void add_token(struct name *name, const struct sql_token *token)
{
	bool quoted = token->kind == TOKEN_QUOTED_NAME || is_sign(token, '\'');

	add_part(name, token->start + quoted, token->end - quoted);
}

/* What is longer is cut off by PostgreSQL. U&"..." is read as the word U, followed by something else. */
static bool is_part_of_name(const struct reading *reading, const struct sql_token *token)
{
	bool is_unicode =
		sql_token_is(token, "u") && token->end < reading->end && *token->end == '&';

	return sql_token_is_name(token) && !is_unicode &&
	       token->end - token->start <= LONGEST_IDENTIFIER;
}

/* a.b.c, the last token of which is left in `token`. */
static struct name read_name(const struct reading *reading, struct sql_token *token)
{
	struct name name = {.is_known = is_part_of_name(reading, token)};
	struct sql_token dot = next(reading, token);

	add_token(&name, token);
	while (is_sign(&dot, '.')) {
		add_token(&name, &dot);
		*token = next(reading, &dot);
		name.is_known &= is_part_of_name(reading, token);
		add_token(&name, token);
		dot = next(reading, token);
	}
	return name;
}

static void tell_name(const struct reading *reading, enum sql_setting setting,
		      const struct name *name)
{
	char text[SQL_PARAMETER_BYTES];

	if (name->is_known && sql_parameter_name(text, name->text, name->length))
		tell(reading, setting, text);
	else
		tell(reading, SQL_SETS_UNKNOWN, NULL);
}

/* --- SET and RESET ------------------------------------------------------------------------ */

/* What has words of its own: SET TIME ZONE. */
static const char *find_own_words(const struct reading *reading, const struct sql_token *first)
{
	static const struct {
		const char *first, *second; /* or NULL */
		const char *name;
	} words[] = {
		{"names", NULL, "client_encoding"},
		{"schema", NULL, "search_path"},
		{"time", "zone", "TimeZone"},
		{"xml", "option", "xmloption"},
	};
	struct sql_token second = next(reading, first);

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (sql_token_is(first, words[i].first) &&
		    (words[i].second == NULL || sql_token_is(&second, words[i].second)) &&
		    !is_sign(&second, '=') && !is_sign(&second, '.') &&
		    !sql_token_is(&second, "to"))
			return words[i].name;
	return NULL;
}

/* TO DEFAULT, = DEFAULT */
static bool is_default(const struct reading *reading, const struct sql_token *name)
{
	struct sql_token sign = next(reading, name);
	struct sql_token value = next(reading, &sign);

	return (is_sign(&sign, '=') || sql_token_is(&sign, "to")) &&
	       sql_token_is(&value, "default");
}

static void look_at_one(const struct reading *reading, struct sql_token token,
			enum sql_setting setting)
{
	const char *own = find_own_words(reading, &token);

	if (own != NULL) {
		tell(reading, setting, own);
		return;
	}
	struct name name = read_name(reading, &token);
	if (is_default(reading, &token))
		setting = SQL_RESETS;
	tell_name(reading, setting, &name);
}

/* SET SESSION CHARACTERISTICS AS TRANSACTION ... */
static void look_at_characteristics(const struct reading *reading)
{
	tell(reading, SQL_SETS, "default_transaction_deferrable");
	tell(reading, SQL_SETS, "default_transaction_isolation");
	tell(reading, SQL_SETS, "default_transaction_read_only");
}

/* The first part of a name can be any of these words: SET local.user = 1 */
static bool is_word(const struct reading *reading, const struct sql_token *token, const char *word)
{
	struct sql_token dot = next(reading, token);

	return sql_token_is(token, word) && !is_sign(&dot, '.');
}

static void look_at_set(const struct reading *reading, struct sql_token token)
{
	bool of_session = is_word(reading, &token, "session");

	if (of_session)
		token = next(reading, &token);
	if (of_session && is_word(reading, &token, "characteristics"))
		look_at_characteristics(reading);
	else if (!is_word(reading, &token, "local") && !is_word(reading, &token, "transaction") &&
		 !is_word(reading, &token, "constraints") &&
		 !is_word(reading, &token, "authorization") &&
		 !is_word(reading, &token, "session") && token.kind != TOKEN_END)
		look_at_one(reading, token, SQL_SETS);
}

static void look_at_reset(const struct reading *reading, const struct sql_token *token)
{
	if (sql_token_is(token, "all"))
		tell(reading, SQL_RESETS_ALL, NULL);
	else if (!is_word(reading, token, "session") && !is_word(reading, token, "transaction") &&
		 token->kind != TOKEN_END)
		look_at_one(reading, *token, SQL_RESETS);
}

/* --- set_config() ------------------------------------------------------------------------- */

/* Whether the third argument says that it is for the transaction alone; `token` is the parenthesis. */
static bool is_local(const struct reading *reading, struct sql_token token)
{
	int depth = 1, commas = 0;

	while (!sql_token_ends_statement(&token) && depth > 0 && commas < 2) {
		token = next(reading, &token);
		depth += is_sign(&token, '(') - is_sign(&token, ')');
		commas += depth == 1 && is_sign(&token, ',');
	}
	struct sql_token value = next(reading, &token);
	struct sql_token behind = next(reading, &value);
	return commas == 2 && sql_token_is(&value, "true") && is_sign(&behind, ')');
}

static void look_at_call(const struct reading *reading, const struct sql_token *function)
{
	struct name name = {.is_known = true};
	struct sql_token parenthesis = next(reading, function);
	struct sql_token text = next(reading, &parenthesis);
	struct sql_token comma = next(reading, &text);

	if (!is_sign(&parenthesis, '(') || is_local(reading, parenthesis))
		return;
	name.is_known = is_sign(&text, '\'') && is_sign(&comma, ',');
	add_token(&name, &text);
	tell_name(reading, SQL_SETS, &name);
}

/* --- the text ----------------------------------------------------------------------------- */

/* What stands in a text: in which kind of statement a token is. */
struct place {
	bool is_first;	/* a statement may begin */
	bool in_block;	/* of PL/pgSQL */
	bool in_do;	/* strings are such blocks ... */
	bool executes;	/* ... or texts that are executed */
	bool in_update; /* pg_settings is a view that can be updated */
};

static void look_at_text(const struct reading *reading, const char *text, bool in_block);

static void look_at_statement(const struct reading *reading, const struct sql_token *first)
{
	struct sql_token second = next(reading, first);

	if (sql_token_is(first, "set"))
		look_at_set(reading, second);
	else if (sql_token_is(first, "reset"))
		look_at_reset(reading, &second);
	else if (sql_token_is(first, "discard") && sql_token_is(&second, "all"))
		tell(reading, SQL_RESETS_ALL, NULL);
}

/* '...', E'...', $$...$$ */
static void look_inside(const struct reading *reading, const struct sql_token *string,
			bool in_block)
{
	const char *open = string->start + (*string->start == 'E' || *string->start == 'e');
	const char *start = open + 1;
	struct reading inside = *reading;

	while (*open == '$' && start < string->end && *start++ != '$')
		;
	inside.end = string->end;
	if (inside.end - start >= start - open)
		inside.end -= start - open;
	if (++inside.depth > DEEPEST)
		tell(reading, SQL_SETS_UNKNOWN, NULL);
	else
		look_at_text(&inside, start, in_block);
}

static bool is_string(const struct sql_token *token)
{
	return token->kind == TOKEN_OTHER && token->end - token->start >= 2;
}

static bool is_this(const struct sql_token *token, const char *word)
{
	const struct sql_token bare = {TOKEN_WORD, token->start + 1, token->end - 1};

	return sql_token_is(token, word) ||
	       (token->kind == TOKEN_QUOTED_NAME && token->end - token->start >= 2 &&
		sql_token_is(&bare, word));
}

static bool begins_statements(const struct sql_token *token)
{
	return sql_token_is(token, "begin") || sql_token_is(token, "then") ||
	       sql_token_is(token, "else") || sql_token_is(token, "loop");
}

static void look_at_token(const struct reading *reading, const struct sql_token *token,
			  struct place *place)
{
	if (place->is_first) {
		look_at_statement(reading, token);
		place->in_do = sql_token_is(token, "do");
		place->executes = place->in_update = false;
	}
	place->in_update |= sql_token_is(token, "update");
	place->executes |= place->in_block && sql_token_is(token, "execute");
	if (is_this(token, "set_config"))
		look_at_call(reading, token);
	else if (place->in_update && is_this(token, "pg_settings"))
		tell(reading, SQL_SETS_UNKNOWN, NULL);
	else if ((place->in_do || place->executes) && is_string(token))
		look_inside(reading, token, place->in_do);
	place->is_first = place->in_block && begins_statements(token);
}

static void look_at_text(const struct reading *reading, const char *text, bool in_block)
{
	struct sql_token token = {TOKEN_SEMICOLON, text, text};
	struct place place = {.in_block = in_block};

	while (token.kind != TOKEN_END) {
		if (token.kind == TOKEN_SEMICOLON)
			place.is_first = true;
		else
			look_at_token(reading, &token, &place);
		token = next(reading, &token);
	}
}

void sql_each_setting(const char *text, size_t length,
		      void (*each)(void *context, enum sql_setting setting, const char *name),
		      void *context)
{
	const enum sql_quotes ways = sql_readings(text, length);
	struct reading reading = {.end = text + length, .each = each, .context = context};

	for (reading.quotes = 0; reading.quotes < ways; reading.quotes++)
		look_at_text(&reading, text, false);
}

/* --- one SET alone ------------------------------------------------------------------------ */

/* Encodings and standard_conforming_strings have no say in it. */
static bool is_read_in_one_way(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] >= 0x80 || text[i] == '\\' || text[i] == '\0')
			return false;
	return true;
}

/* What of the value is not in the text: what it was before, the search path, the connection, what one may become. */
static bool depends_on_more(const char *name)
{
	static const char *const names[] = {"datestyle", "default_text_search_config", "role",
					    "timezone"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return strncasecmp(name, "tcp_", 4) == 0;
}

bool sql_is_plain_set(const char *text, size_t length, char name[SQL_PARAMETER_BYTES])
{
	const struct reading reading = {.end = text + length, .quotes = SQL_STANDARD_QUOTES};
	struct sql_token token = sql_token_next(text, reading.end, reading.quotes);

	if (!is_read_in_one_way(text, length) || !sql_token_is(&token, "set"))
		return false;
	token = next(&reading, &token);
	if (is_word(&reading, &token, "session"))
		token = next(&reading, &token);
	struct name written = read_name(&reading, &token);
	if (!written.is_known || !sql_parameter_name(name, written.text, written.length) ||
	    is_default(&reading, &token) || depends_on_more(name))
		return false;
	token = next(&reading, &token);
	if (!is_sign(&token, '=') && !sql_token_is(&token, "to")) /* FROM CURRENT */
		return false;
	while (!sql_token_ends_statement(&token))
		token = next(&reading, &token);
	return token.kind == TOKEN_END || next(&reading, &token).kind == TOKEN_END;
}

/* --- for the hot path --------------------------------------------------------------------- */

static bool begins_with(const char *text, const char word[3])
{
	return (text[0] | ' ') == word[0] && (text[1] | ' ') == word[1] &&
	       (text[2] | ' ') == word[2];
}

static bool begins(const char *text, const char *end)
{
	return end - text >= 3 &&
	       (begins_with(text, "set") || begins_with(text, "res") || begins_with(text, "dis"));
}

/* Seldom, and not worth a frame for all the others. */
__attribute__((noinline)) static bool begins_behind_blanks(const char *text, const char *end)
{
	return begins(sql_token_next(text, end, SQL_STANDARD_QUOTES).start, end);
}

static bool may_begin(const char *text, const char *end)
{
	bool has_blanks =
		text < end && ((unsigned char)*text <= ' ' || *text == '/' || *text == '-');

	return has_blanks ? begins_behind_blanks(text, end) : begins(text, end);
}

/* Behind a semicolon that is not the last sign of all. */
static bool has_second(const char *text, const char *end)
{
	const char *semicolon = memchr(text, ';', (size_t)(end - text));

	return semicolon != NULL && semicolon + 1 < end;
}

/* set_config and pg_settings: by a sign of them that is rare, and those beside it. */
static bool mentions(const char *text, const char *end)
{
	for (const char *at = text; (at = memchr(at, '_', (size_t)(end - at))) != NULL; at++) {
		if (at - text >= 3 && end - at >= 7 && (at[-1] | ' ') == 't' &&
		    strncasecmp(at - 3, "set_config", 10) == 0)
			return true;
		if (at - text >= 2 && end - at >= 9 && (at[1] | ' ') == 's' &&
		    strncasecmp(at - 2, "pg_settings", 11) == 0)
			return true;
	}
	return false;
}

bool sql_may_set(const char *text, size_t length)
{
	const char *end = text + length;

	return may_begin(text, end) || has_second(text, end) || mentions(text, end);
}
