/*
 * Prepared statements of SQL: notes of what a text does, if all goes well. The tags of the replies tell
 * whether it has happened (prepared_tag.c).
 */
#include "daemon/prepared_parts.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/session.h"

/* Of one text, that are followed. */
#define MOST_COMMANDS 1000

/* NULL without memory. */
static struct sql_note *new_sql_note(const struct sql *sql)
{
	struct sql_note *note = calloc(1, sizeof *note);

	if (note == NULL)
		return NULL;
	note->effect = sql->effect;
	if (sql->name != NULL)
		note->length = sql_name(sql, note->name);
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

/* As a Parse has it: behind the text there are no types. */
static const char no_types[3];

/* The client's PREPARE. NULL without memory. */
static struct statement *intern_command(const struct prepared *prepared, const char *text,
					size_t length)
{
	struct statement *statement = NULL;
	struct writer copy;

	writer_init(&copy);
	write_bytes(&copy, text, length);
	write_bytes(&copy, no_types, sizeof no_types);
	if (!copy.failed)
		statement = prepared_intern(prepared, copy.data, copy.length, true);
	writer_release(&copy);
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

/* A command of a text that has a tag about prepared statements. */
struct command {
	struct sql sql;
	const char *start;
	size_t length;
};

/* The next one. */
static bool command_next(struct command *command, const char **text, const char *end,
			 enum sql_quotes quotes)
{
	struct sql *sql = &command->sql;

	for (command->start = *text; sql_next(text, end, quotes, sql); command->start = *text) {
		command->length = (size_t)(*text - command->start);
		if (sql->effect == SQL_PREPARE || sql->effect == SQL_DEALLOCATE)
			return true;
	}
	return false;
}

static bool is_same(const struct sql_note *note, const struct command *command)
{
	const struct statement *statement = note->statement;
	char name[SQL_NAME_BYTES + 1];

	return note->effect == command->sql.effect &&
	       note->length == sql_name(&command->sql, name) &&
	       memcmp(note->name, name, note->length) == 0 &&
	       (statement == NULL ||
		(statement->key.length == command->length + sizeof no_types &&
		 memcmp(statement->key.body, command->start, command->length) == 0));
}

/* Whether another way to read the text finds the same commands. */
static bool is_read_alike(const struct sql_note *notes, const char *text, const char *end,
			  enum sql_quotes quotes)
{
	struct command command;

	while (command_next(&command, &text, end, quotes)) {
		if (notes == NULL || !is_same(notes, &command))
			return false;
		notes = notes->next;
	}
	return notes == NULL;
}

/* NULL without memory. What the client has no room for is not followed. */
static struct sql_note *new_command(const struct prepared *prepared, const struct command *command,
				    size_t before)
{
	const struct client_statements *client = prepared->session->statements;
	struct sql_note *note = new_sql_note(&command->sql);

	if (note == NULL || note->effect != SQL_PREPARE ||
	    client->names.count + before >= prepared->max_names)
		return note;
	note->statement = intern_command(prepared, command->start, command->length);
	if (note->statement != NULL)
		return note;
	free(note);
	return NULL;
}

/* What a text of several statements does, in order; nothing if that is too much, or not certain. False
 * without memory. */
static bool note_commands(const struct prepared *prepared, struct sql_note *note, const char *text,
			  size_t length)
{
	const enum sql_quotes ways = sql_readings(text, length);
	const char *const end = text + length;
	struct sql_note **link = &note->next;
	const char *at = text;
	size_t count = 0;
	struct command command;

	while (count <= MOST_COMMANDS && command_next(&command, &at, end, SQL_STANDARD_QUOTES)) {
		*link = new_command(prepared, &command, count);
		if (*link == NULL)
			return false;
		link = &(*link)->next;
		count++;
	}
	bool certain = count <= MOST_COMMANDS;
	for (enum sql_quotes quotes = SQL_STANDARD_QUOTES + 1; quotes < ways && certain; quotes++)
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
