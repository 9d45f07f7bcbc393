/*
 * Prepared statements of SQL: notes of what a text does, if all goes well. The tags of the replies tell
 * whether it has happened (prepared_tag.c).
 */
#include "daemon/relay/prepared_parts.h"

#include <stdlib.h>
#include <string.h>

/* Of one text, that are followed. */
#define MOST_COMMANDS 1000

/* NULL without memory. */
static struct sql_note *new_sql_note(const struct sql *sql)
{
	struct sql_note *note = calloc(1, sizeof *note);

	if (note == NULL)
		return NULL;
	note->effect = sql->effect;
	if (sql->name != NULL) {
		note->length = sql_name(sql, note->name);
		note->is_foreign = !sql_name_is_ascii(sql);
	}
	return note;
}

static bool push_sql_note(struct prepared *prepared, unsigned char letter, struct sql_note *sql)
{
	struct note note = {.kind = NOTE_SQL, .sql = sql};

	server_of(prepared)->open_effects++;
	if (sql->effect == SQL_EXECUTE)
		server_of(prepared)->uses_plan = true;
	return prepared_push_noted(prepared, letter, &note);
}

/* A PREPARE as a Parse would have it: behind the text there are no types. Held; NULL without memory. */
static struct statement *intern_command(struct prepared *prepared, const char *text, size_t length)
{
	struct statement *statement = NULL;
	struct writer body;

	writer_init(&body);
	write_bytes(&body, text, length);
	write_uint8(&body, 0);
	write_uint16(&body, 0);
	if (!body.failed)
		statement = prepared_intern(prepared, body.data, body.length, true);
	writer_release(&body);
	return statement;
}

bool prepared_push_effect(struct prepared *prepared, unsigned char letter, const struct sql *sql,
			  const char *text, size_t length)
{
	struct sql_note *sql_note = new_sql_note(sql);

	if (sql_note == NULL)
		return false;
	if (sql->effect == SQL_PREPARE) {
		sql_note->statement = intern_command(prepared, text, length);
		if (sql_note->statement == NULL) {
			free(sql_note);
			return false;
		}
	}
	return push_sql_note(prepared, letter, sql_note);
}

/* The next command of a text that has a tag about prepared statements. */
static bool next_tagged(const char **text, const char *end, enum sql_quotes quotes, struct sql *sql)
{
	while (sql_next(text, end, quotes, sql))
		if (sql->effect == SQL_PREPARE || sql->effect == SQL_DEALLOCATE)
			return true;
	return false;
}

/* What the server says of a parameter, if its client does not wish otherwise, or "". */
static const char *settled(const struct prepared *prepared, const char *name)
{
	const char *reported = parameters_get(prepared->upstream->server->reported, name);
	const char *wished = parameters_get(prepared->session->wishes, name);

	return reported != NULL && (wished == NULL || strcmp(wished, reported) == 0) ? reported :
										       "";
}

/* Whether a backslash is never a part of another character there. */
static bool is_plain_encoding(const char *encoding)
{
	static const char *const plain[] = {"UTF8", "SQL_ASCII", "LATIN", "WIN125"};

	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (strncmp(encoding, plain[i], strlen(plain[i])) == 0)
			return true;
	return false;
}

/* How the server reads the quotes of a text that is sent now, with nothing open; SQL_QUOTES: not known. */
static enum sql_quotes known_quotes(const struct prepared *prepared)
{
	const char *conforming = settled(prepared, "standard_conforming_strings");

	if (!is_plain_encoding(settled(prepared, "client_encoding")))
		return SQL_QUOTES;
	if (strcmp(conforming, "on") == 0)
		return SQL_STANDARD_QUOTES;
	return strcmp(conforming, "off") == 0 ? SQL_ESCAPED_QUOTES : SQL_QUOTES;
}

/* Whether another way to read the text finds the same commands. */
static bool is_read_alike(const struct sql_note *notes, const char *text, const char *end,
			  enum sql_quotes quotes)
{
	char name[SQL_NAME_BYTES + 1];
	struct sql sql;

	while (next_tagged(&text, end, quotes, &sql)) {
		if (notes == NULL || notes->effect != sql.effect ||
		    notes->length != sql_name(&sql, name) ||
		    memcmp(notes->name, name, notes->length) != 0)
			return false;
		notes = notes->next;
	}
	return notes == NULL;
}

/* What a text of several statements does, in order; nothing if that is too much, or not certain. False
 * without memory. */
static bool note_commands(const struct prepared *prepared, struct sql_note *note, const char *text,
			  size_t length)
{
	const enum sql_quotes known = known_quotes(prepared);
	const enum sql_quotes first = known == SQL_QUOTES ? SQL_STANDARD_QUOTES : known;
	const enum sql_quotes ways = known == SQL_QUOTES ? sql_readings(text, length) : first + 1;
	const char *const end = text + length;
	struct sql_note **link = &note->next;
	const char *at = text;
	size_t count = 0;
	struct sql sql;

	while (count <= MOST_COMMANDS && next_tagged(&at, end, first, &sql)) {
		*link = new_sql_note(&sql);
		if (*link == NULL)
			return false;
		link = &(*link)->next;
		count++;
	}
	bool certain = count <= MOST_COMMANDS;
	for (enum sql_quotes quotes = first + 1; quotes < ways && certain; quotes++)
		certain = is_read_alike(note->next, text, end, quotes);
	if (!certain) {
		sql_note_free(note->next);
		note->next = NULL;
	}
	return true;
}

bool prepared_push_effects(struct prepared *prepared, const char *text, size_t length)
{
	struct sql_note *note = new_sql_note(&(struct sql){.effect = SQL_EXECUTE});

	if (note != NULL && note_commands(prepared, note, text, length))
		return push_sql_note(prepared, FRONTEND_QUERY, note);
	sql_note_free(note);
	return false;
}
