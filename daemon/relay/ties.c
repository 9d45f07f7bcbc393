#include "daemon/relay/ties.h"

#include <stdio.h>
#include <string.h>

#include "conf/array.h"
#include "daemon/relay/question.h"
#include "daemon/relay/upstream.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/pool.h"
#include "protocol/message.h"
#include "protocol/sql.h"
#include "protocol/writer.h"

#define SQL_BYTES 1024
#define ASKED_AGAIN_AFTER_US 1000000

static const struct {
	enum tie tie;
	const char *name;
	const char *is_there;  /* an expression */
	const char *take_back; /* a command */
} kinds[] = {
	{TIE_LOCKS, "advisory locks",
	 "EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = "
	 "pg_catalog.pg_backend_pid())",
	 "SELECT pg_catalog.pg_advisory_unlock_all()"},
	/* Whatever is in the temporary schema depends on it. */
	{TIE_TABLES, "temporary tables",
	 "EXISTS (SELECT FROM pg_catalog.pg_depend WHERE refclassid = "
	 "'pg_catalog.pg_namespace'::pg_catalog.regclass AND refobjid = "
	 "pg_catalog.pg_my_temp_schema())",
	 "DISCARD TEMP"},
	{TIE_CURSORS, "cursors WITH HOLD",
	 "EXISTS (SELECT FROM pg_catalog.pg_cursors WHERE is_holdable)", "CLOSE ALL"},
	{TIE_CHANNELS, "channels it listens to",
	 "EXISTS (SELECT FROM pg_catalog.pg_listening_channels())", "UNLISTEN *"},
};

const char *ties_text(unsigned ties, char text[TIES_TEXT_BYTES])
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (ties & kinds[i].tie)
			length += (size_t)snprintf(text + length, TIES_TEXT_BYTES - length, "%s%s",
						   length > 0 ? ", " : "", kinds[i].name);
	return text;
}

/* --- what may have come about ------------------------------------------------------------- */

/* Whoever is pinned already stays so for what he does meanwhile, whatever the settings say. */
static bool pins_clients(const struct upstream *upstream)
{
	return upstream->ties != 0 ||
	       pool_share_pins_clients(&upstream->server->pool->shares[upstream->worker->index]);
}

void ties_note_locks(struct upstream *upstream)
{
	if (pins_clients(upstream))
		upstream->may_tie |= TIE_LOCKS;
}

static void note_text(struct upstream *upstream, const char *text, size_t length)
{
	if (sql_is_about_locks(text, length))
		upstream->may_tie |= TIE_LOCKS;
}

void ties_note_text(struct upstream *upstream, const char *text, size_t length)
{
	if (!pins_clients(upstream))
		return;
	note_text(upstream, text, length);
	upstream->may_make_table |= sql_may_make_table(text, length);
}

void ties_note_statement(struct upstream *upstream, const struct statement *statement)
{
	if (statement->is_about_locks)
		ties_note_locks(upstream);
	upstream->may_make_table |= statement->may_make_table;
}

/* Of a long text only the beginning is looked at. */
static void note_long_text(struct upstream *upstream)
{
	upstream->may_tie |= TIE_LOCKS;
	upstream->may_make_table = true;
}

void ties_note_request(struct upstream *upstream, const struct message *message)
{
	switch (message->letter) {
	case FRONTEND_QUERY:
	case FRONTEND_PARSE:
		if (!pins_clients(upstream))
			return;
		if (!message_is_whole(message))
			note_long_text(upstream);
		else if (message->letter == FRONTEND_QUERY)
			note_text(upstream, message->body, message->body_length);
		else
			ties_note_text(upstream, message->body, message->body_length);
		return;
	case FRONTEND_FUNCTION_CALL: /* by its number, which is not looked at */
		ties_note_locks(upstream);
		return;
	case FRONTEND_CLOSE: /* a cursor is a portal */
		upstream->may_tie |= upstream->ties & TIE_CURSORS;
		return;
	default:
		return;
	}
}

/* A SELECT without rows, nor their description, which a Query has where there are to be any; of others the text tells. */
static bool may_have_made_empty_table(const struct upstream *upstream, const char *tag)
{
	unsigned asked = pipeline_head(&upstream->pipeline) & ~PIPELINE_NOTED;

	return !upstream->has_rows && (asked == FRONTEND_QUERY || upstream->may_make_table) &&
	       strcmp(tag, "SELECT 0") == 0;
}

static const struct {
	const char *tag; /* its beginning */
	unsigned makes;
	unsigned ends;
} commands[] = {
	{"CALL", TIES, TIES},
	{"CLOSE CURSOR", 0, TIE_CURSORS},
	{"DECLARE CURSOR", TIE_CURSORS, 0},
	{"DISCARD ", 0, TIES},
	{"DO", TIES, TIES},
	{"DROP ", 0, TIE_TABLES},
	{"EXPLAIN", TIE_TABLES, 0}, /* ANALYZE CREATE TABLE AS */
	{"LISTEN", TIE_CHANNELS, 0},
	{"UNLISTEN", 0, TIE_CHANNELS},
};

/* What such a command may have made, or ended of what is there. */
static unsigned touched_by(const struct upstream *upstream, const char *tag)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strncmp(tag, commands[i].tag, strlen(commands[i].tag)) == 0)
			return commands[i].makes | (upstream->ties & commands[i].ends);
	return 0;
}

void ties_note_tag(struct upstream *upstream, const char *tag, bool creates)
{
	if (!pins_clients(upstream))
		return;
	if ((creates && tag[0] != 'D') || may_have_made_empty_table(upstream, tag))
		upstream->may_tie |= TIE_TABLES;
	upstream->may_tie |= touched_by(upstream, tag);
}

/* --- what there is ------------------------------------------------------------------------ */

bool ties_are_in_doubt(const struct upstream *upstream)
{
	return upstream->may_tie != 0 ||
	       (upstream->ties != 0 && upstream->ready_count != upstream->ties_known_at_ready);
}

bool ties_are_due(const struct upstream *upstream)
{
	return ties_are_in_doubt(upstream) &&
	       loop_time(upstream->stream.loop) - upstream->ties_asked_at >= ASKED_AGAIN_AFTER_US;
}

static void write_question(char sql[SQL_BYTES], unsigned ties)
{
	size_t length = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (ties & kinds[i].tie)
			length +=
				(size_t)snprintf(sql + length, SQL_BYTES - length, "%s%s",
						 length > 0 ? ", " : "SELECT ", kinds[i].is_there);
}

static unsigned read_row(const struct message *row, unsigned asked)
{
	const char *cursor = row->body + 2;
	const char *end = row->body + row->body_length;
	unsigned found = 0;

	for (size_t i = 0; row->body_length > 2 && i < ARRAY_SIZE(kinds); i++) {
		const char *value = NULL;
		size_t length = 0;
		if ((asked & kinds[i].tie) == 0)
			continue;
		if (!row_next(&cursor, end, &value, &length))
			return asked;
		if (value == NULL || length != 1 || *value != 'f')
			found |= kinds[i].tie;
	}
	return found;
}

static void note_known(struct session *session, unsigned ties)
{
	struct upstream *upstream = session->upstream;
	unsigned before = upstream->ties;
	char text[TIES_TEXT_BYTES];

	upstream->ties = ties;
	if (ties == before)
		return;
	if (ties == 0)
		session_log(session, LEVEL_LOG, "no longer pinned to its server");
	else
		session_log(session, LEVEL_LOG, "pinned to its server: it has there %s",
			    ties_text(ties, text));
}

/* Without an answer all of it is taken to be there, and asked for once more. */
bool await_ties_known(struct session *session, struct failure *why)
{
	struct upstream *upstream = session->upstream;
	unsigned asked = upstream->may_tie | upstream->ties;
	char sql[SQL_BYTES];
	struct writer rows;
	struct message row;

	write_question(sql, asked);
	writer_init(&rows);
	bool done = await_question(session, sql, &rows, why);
	bool is_known = done && message_look(rows.data, rows.length, &row);
	unsigned found = is_known ? read_row(&row, asked) : asked;
	writer_release(&rows);
	if (!done)
		return false;
	upstream->may_tie = is_known ? 0 : asked;
	upstream->may_make_table = false;
	upstream->ties_asked_at = loop_time(upstream->stream.loop);
	upstream->ties_known_at_ready = upstream->ready_count;
	if (asked & TIE_CHANNELS)
		upstream->listens = (found & TIE_CHANNELS) != 0;
	note_known(session, found);
	return true;
}

/* --- taking it back ----------------------------------------------------------------------- */

bool await_untied(struct upstream *upstream, int64_t deadline)
{
	unsigned ties = upstream->ties | upstream->may_tie;
	char sql[SQL_BYTES];
	size_t length = 0;
	struct failure why;

	if (ties == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (ties & kinds[i].tie)
			length += (size_t)snprintf(sql + length, SQL_BYTES - length, "%s%s",
						   length > 0 ? "; " : "", kinds[i].take_back);
	if (!upstream_query(upstream, sql, &why, deadline))
		return false;
	upstream->ties = upstream->may_tie = 0;
	if (ties & TIE_CHANNELS)
		upstream->listens = upstream->overhears = false;
	return true;
}
