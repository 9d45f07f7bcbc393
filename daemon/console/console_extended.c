/*
 * The extended protocol on the console, which drivers speak that know no other: JDBC, pgx, asyncpg.
 * A statement is a command's text; binding puts the values of its parameters into the text, and a
 * portal keeps what the command has answered until all of it has been fetched.
 * Source: PostgreSQL manual, "Extended Query", "Message Formats".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/console/console_turn.h"
#include "daemon/console/placeholder.h"
#include "daemon/console/types.h"
#include "daemon/session.h"
#include "protocol/reader.h"

enum { PARAMETERS_MOST = 16, TEXT_MOST = 64 * 1024 };

/* What one client may have at once; whoever has more bytes than that gets nothing more. */
enum { STATEMENTS_MOST = 1000, PORTALS_MOST = 64, BYTES_MOST = 8 * 1024 * 1024 };

struct console_statement {
	struct console_statement *next;
	char *name;
	char *text;
	size_t parameter_count;
	uint32_t types[PARAMETERS_MOST]; /* as the client declared them; else text */
};

struct console_portal {
	struct console_portal *next;
	char *name;
	char *text; /* with its values */
	uint16_t *codes;
	struct selection_formats formats;
	struct writer answer; /* what is still to be sent of it, from `sent` on */
	size_t sent;
	bool is_run;
};

/* Of a session; made when it is first needed. */
struct extended {
	struct console_statement *statements;
	struct console_portal *portals;
	size_t statement_count;
	size_t portal_count;
	size_t bytes; /* of all of them */
};

static bool malformed(struct failure *why)
{
	return failure_set(why, FAILURE_CONSOLE_ERROR, "invalid message format");
}

/* --- what is kept ------------------------------------------------------------------------- */

/* NULL without memory. */
static struct extended *extended_of(struct session *session)
{
	if (session->extended == NULL)
		session->extended = calloc(1, sizeof(struct extended));
	return session->extended;
}

static bool has_room(const struct extended *extended, struct failure *why)
{
	if (extended->statement_count < STATEMENTS_MOST &&
	    extended->portal_count < PORTALS_MOST && extended->bytes < BYTES_MOST)
		return true;
	failure_set(why, FAILURE_CONSOLE_ERROR, "too many prepared statements or portals");
	memcpy(why->sqlstate, "53400", sizeof why->sqlstate);
	return false;
}

static size_t statement_bytes(const struct console_statement *statement)
{
	return sizeof *statement + strlen(statement->name) + strlen(statement->text);
}

static size_t portal_bytes(const struct console_portal *portal)
{
	return sizeof *portal + strlen(portal->name) + strlen(portal->text) +
	       portal->formats.count * sizeof *portal->codes + portal->answer.capacity;
}

static void statement_free(struct console_statement *statement)
{
	free(statement->name);
	free(statement->text);
	free(statement);
}

static void portal_free(struct console_portal *portal)
{
	writer_release(&portal->answer);
	free(portal->name);
	free(portal->text);
	free(portal->codes);
	free(portal);
}

static struct console_statement **find_statement(struct extended *extended, const char *name)
{
	struct console_statement **link = &extended->statements;
	while (*link != NULL && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	return link;
}

static struct console_portal **find_portal(struct extended *extended, const char *name)
{
	struct console_portal **link = &extended->portals;
	while (*link != NULL && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	return link;
}

static void close_statement(struct extended *extended, const char *name)
{
	struct console_statement **link = find_statement(extended, name), *statement = *link;

	if (statement == NULL)
		return;
	*link = statement->next;
	extended->statement_count--;
	extended->bytes -= statement_bytes(statement);
	statement_free(statement);
}

static void close_portal(struct extended *extended, const char *name)
{
	struct console_portal **link = find_portal(extended, name), *portal = *link;

	if (portal == NULL)
		return;
	*link = portal->next;
	extended->portal_count--;
	extended->bytes -= portal_bytes(portal);
	portal_free(portal);
}

void extended_end_of_transaction(struct session *session)
{
	struct extended *extended = session->extended;

	while (extended != NULL && extended->portals != NULL)
		close_portal(extended, extended->portals->name);
}

void extended_release(struct session *session)
{
	struct extended *extended = session->extended;

	if (extended == NULL)
		return;
	while (extended->statements != NULL)
		close_statement(extended, extended->statements->name);
	while (extended->portals != NULL)
		close_portal(extended, extended->portals->name);
	free(extended);
	session->extended = NULL;
}

static bool unknown(const char *what, const char *name, const char *sqlstate, struct failure *why)
{
	char text[sizeof why->message];

	snprintf(text, sizeof text, "%s \"%.80s\" does not exist", what, name);
	failure_set(why, FAILURE_CONSOLE_ERROR, text);
	memcpy(why->sqlstate, sqlstate, sizeof why->sqlstate);
	return false;
}

/* --- Parse -------------------------------------------------------------------------------- */

/* NULL without memory. */
static struct console_statement *statement_new(const char *name, const char *text)
{
	struct console_statement *statement = calloc(1, sizeof *statement);

	if (statement == NULL)
		return NULL;
	statement->name = strdup(name);
	statement->text = strdup(text);
	if (statement->name != NULL && statement->text != NULL)
		return statement;
	statement_free(statement);
	return NULL;
}

static bool parse(struct turn *turn, struct extended *extended, struct reader *reader,
		  struct failure *why)
{
	const char *name = reader_take_text(reader), *text = reader_take_text(reader);
	size_t declared = reader_take_uint16(reader);
	size_t parameters = placeholders_count(text);
	uint32_t types[PARAMETERS_MOST] = {0};

	for (size_t i = 0; i < declared && !reader->failed; i++) {
		uint32_t type = reader_take_uint32(reader);
		if (i < PARAMETERS_MOST)
			types[i] = type;
	}
	if (!reader_is_done(reader))
		return malformed(why);
	if (strlen(text) > TEXT_MOST || parameters > PARAMETERS_MOST || declared > PARAMETERS_MOST)
		return failure_set(why, FAILURE_CONSOLE_ARGUMENTS);
	if (name[0] != '\0' && *find_statement(extended, name) != NULL)
		return failure_set(why, FAILURE_CONSOLE_ERROR,
				   "prepared statement name is already in use");
	close_statement(extended, name);
	if (!has_room(extended, why))
		return false;
	struct console_statement *statement = statement_new(name, text);
	if (statement == NULL)
		return failure_set(why, FAILURE_NO_MEMORY);
	statement->parameter_count = parameters;
	memcpy(statement->types, types, sizeof types);
	statement->next = extended->statements;
	extended->statements = statement;
	extended->statement_count++;
	extended->bytes += statement_bytes(statement);
	write_empty(&turn->reply, BACKEND_PARSE_COMPLETE);
	return true;
}

/* --- Bind --------------------------------------------------------------------------------- */

/* All formats of parameters, which stand in front of the values. */
static bool take_values(struct reader *reader, const struct console_statement *statement,
			struct placeholder_value *values)
{
	uint16_t codes[PARAMETERS_MOST] = {0};
	size_t code_count = reader_take_uint16(reader);

	for (size_t i = 0; i < code_count && !reader->failed; i++) {
		uint16_t code = reader_take_uint16(reader);
		if (i < PARAMETERS_MOST)
			codes[i] = code;
	}
	if (reader_take_uint16(reader) != statement->parameter_count || reader->failed)
		return false;
	for (size_t i = 0; i < statement->parameter_count; i++) {
		uint32_t length = reader_take_uint32(reader);
		values[i] = (struct placeholder_value){0};
		if (reader->failed || length == UINT32_MAX)
			continue;
		values[i].bytes = reader_take_bytes(reader, length);
		values[i].length = values[i].bytes == NULL ? 0 : length;
		if (values[i].bytes != NULL && codes[code_count == 1 ? 0 : i] == 1)
			placeholder_read_binary(&values[i], statement->types[i]);
	}
	return !reader->failed;
}

/* Without memory there are no codes then. */
static void take_formats(struct reader *reader, struct console_portal *portal)
{
	size_t count = reader_take_uint16(reader);

	portal->codes = calloc(count > 0 ? count : 1, sizeof *portal->codes);
	for (size_t i = 0; i < count && !reader->failed; i++) {
		uint16_t code = reader_take_uint16(reader);
		if (portal->codes != NULL)
			portal->codes[i] = code;
	}
	portal->formats = (struct selection_formats){portal->codes, count};
}

static bool fill_portal(struct console_portal *portal, const char *name, struct reader *reader,
			const struct console_statement *statement, struct failure *why)
{
	struct placeholder_value values[PARAMETERS_MOST];
	struct writer text;

	writer_init(&portal->answer);
	if (!take_values(reader, statement, values))
		return malformed(why);
	take_formats(reader, portal);
	if (!reader_is_done(reader))
		return malformed(why);
	writer_init(&text);
	placeholders_fill(&text, statement->text, values);
	portal->name = strdup(name);
	portal->text = text.failed ? NULL : strdup(text.data);
	writer_release(&text);
	return (portal->name != NULL && portal->text != NULL && portal->codes != NULL) ||
	       failure_set(why, FAILURE_NO_MEMORY);
}

static bool bind_statement(struct turn *turn, struct extended *extended, struct reader *reader,
			   struct failure *why)
{
	const char *name = reader_take_text(reader), *statement_name = reader_take_text(reader);

	if (reader->failed)
		return malformed(why);
	const struct console_statement *statement = *find_statement(extended, statement_name);
	if (statement == NULL)
		return unknown("prepared statement", statement_name, "26000", why);
	close_portal(extended, name);
	if (!has_room(extended, why))
		return false;
	struct console_portal *portal = calloc(1, sizeof *portal);
	if (portal == NULL)
		return failure_set(why, FAILURE_NO_MEMORY);
	if (!fill_portal(portal, name, reader, statement, why)) {
		portal_free(portal);
		return false;
	}
	portal->next = extended->portals;
	extended->portals = portal;
	extended->portal_count++;
	extended->bytes += portal_bytes(portal);
	write_empty(&turn->reply, BACKEND_BIND_COMPLETE);
	return true;
}

/* --- Describe, Execute, Close ------------------------------------------------------------- */

static bool describe_text(struct turn *turn, const char *text,
			  const struct selection_formats *formats, struct failure *why)
{
	struct writer description;

	writer_init(&description);
	bool good = turn_describe(turn, text, &description, why);
	if (good && description.length > 0) {
		selection_write_description(&turn->reply, description.data, formats);
	} else if (good) {
		write_empty(&turn->reply, BACKEND_NO_DATA);
	}
	writer_release(&description);
	return good;
}

/* What comes back does not depend on the values, but a text without any is no command. */
static bool describe_with_any(struct turn *turn, const char *statement_text, struct failure *why)
{
	struct placeholder_value values[PARAMETERS_MOST];
	struct writer text;

	for (size_t i = 0; i < PARAMETERS_MOST; i++)
		values[i] = (struct placeholder_value){.bytes = "1", .length = 1};
	writer_init(&text);
	placeholders_fill(&text, statement_text, values);
	bool good = text.failed ? failure_set(why, FAILURE_NO_MEMORY) :
				  describe_text(turn, text.data, NULL, why);
	writer_release(&text);
	return good;
}

static bool describe_statement(struct turn *turn, const struct console_statement *statement,
			       struct failure *why)
{
	message_begin(&turn->reply, BACKEND_PARAMETER_DESCRIPTION);
	write_uint16(&turn->reply, (unsigned)statement->parameter_count);
	for (size_t i = 0; i < statement->parameter_count; i++)
		write_uint32(&turn->reply,
			     statement->types[i] != 0 ? statement->types[i] : OID_TEXT);
	message_end(&turn->reply);
	return describe_with_any(turn, statement->text, why);
}

static bool describe(struct turn *turn, struct extended *extended, struct reader *reader,
		     struct failure *why)
{
	const char *kind = reader_take_bytes(reader, 1), *name = reader_take_text(reader);

	if (!reader_is_done(reader))
		return malformed(why);
	if (*kind == 'S') {
		const struct console_statement *statement = *find_statement(extended, name);
		return statement == NULL ? unknown("prepared statement", name, "26000", why) :
					   describe_statement(turn, statement, why);
	}
	const struct console_portal *portal = *find_portal(extended, name);
	return portal == NULL ? unknown("portal", name, "34000", why) :
				describe_text(turn, portal->text, &portal->formats, why);
}

/* Sends as many rows as were asked for; what is no row goes along. 0: all of them. */
static void send_part(struct turn *turn, struct console_portal *portal, uint32_t rows_most)
{
	const struct writer *answer = &portal->answer;
	size_t from = portal->sent;
	uint32_t rows = 0;

	while (portal->sent < answer->length) {
		const char *message = answer->data + portal->sent;
		if (*message == BACKEND_DATA_ROW && rows_most > 0 && ++rows > rows_most)
			break;
		portal->sent += read_uint32(message + 1) + 1;
	}
	write_bytes(&turn->reply, answer->data + from, portal->sent - from);
	if (portal->sent < answer->length) {
		write_empty(&turn->reply, BACKEND_PORTAL_SUSPENDED);
	}
}

static bool await_portal_run(struct turn *turn, struct console_portal *portal, struct failure *why)
{
	struct writer reply = turn->reply;

	writer_init(&turn->reply);
	bool good = await_turn_run(turn, portal->text, strlen(portal->text), &portal->formats, why);
	portal->answer = turn->reply;
	turn->reply = reply;
	turn->session->extended->bytes += portal->answer.capacity;
	portal->is_run = true;
	if (portal->answer.failed)
		return failure_set(why, FAILURE_NO_MEMORY);
	return good;
}

static bool await_execute(struct turn *turn, struct extended *extended, struct reader *reader,
			  struct failure *why)
{
	const char *name = reader_take_text(reader);
	uint32_t rows_most = reader_take_uint32(reader);

	if (!reader_is_done(reader))
		return malformed(why);
	struct console_portal *portal = *find_portal(extended, name);
	if (portal == NULL)
		return unknown("portal", name, "34000", why);
	if (!portal->is_run && !await_portal_run(turn, portal, why))
		return false;
	if (portal->sent == portal->answer.length)
		write_command_complete(&turn->reply, "SELECT 0"); /* fetched to its end before */
	send_part(turn, portal, rows_most);
	return true;
}

static bool close_named(struct turn *turn, struct extended *extended, struct reader *reader,
			struct failure *why)
{
	const char *kind = reader_take_bytes(reader, 1), *name = reader_take_text(reader);

	if (!reader_is_done(reader))
		return malformed(why);
	if (*kind == 'S')
		close_statement(extended, name);
	else
		close_portal(extended, name);
	write_empty(&turn->reply, BACKEND_CLOSE_COMPLETE);
	return true;
}

bool await_extended_answer(struct turn *turn, const struct message *message, struct failure *why)
{
	struct reader reader = reader_of(message);
	struct extended *extended = extended_of(turn->session);

	if (extended == NULL)
		return failure_set(why, FAILURE_NO_MEMORY);
	switch (message->letter) {
	case FRONTEND_PARSE:
		return parse(turn, extended, &reader, why);
	case FRONTEND_BIND:
		return bind_statement(turn, extended, &reader, why);
	case FRONTEND_DESCRIBE:
		return describe(turn, extended, &reader, why);
	case FRONTEND_EXECUTE:
		return await_execute(turn, extended, &reader, why);
	default:
		return close_named(turn, extended, &reader, why);
	}
}
