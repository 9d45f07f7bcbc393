/* Prepared statements: what the server must have when it reads what is written next. */
#include "daemon/relay/prepared_parts.h"

#include <stdlib.h>
#include <string.h>

/* Buffers larger than this are not kept for the next use. */
#define KEPT_BYTES ((size_t)16 * 1024)

/* --- the server's statements ------------------------------------------------------ */

/* Only where it cannot be skipped. */
static bool evict(struct prepared *prepared, const char *at, size_t most)
{
	struct held_set *set = &server_of(prepared)->held;
	struct held *held;

	while (set->table.count > most && (held = held_least_used(set)) != NULL) {
		const struct statement *statement = held->statement;
		write_close(prepared_write_up_to(prepared, at), statement->name,
			    statement->name_length);
		if (!prepared_push(prepared, PIPELINE_OWN_CLOSE))
			return false;
		held_remove(set, held);
	}
	return true;
}

bool prepared_end_apart(struct prepared *prepared, const char *at)
{
	struct writer *out = prepared_write_up_to(prepared, at);

	write_empty(out, FRONTEND_SYNC);
	return prepared_push(prepared, PIPELINE_OWN_SYNC);
}

/*
 * Closes what the server has too much of. What was made for a message that had to wait must not go again before it. Nor
 * may a name given by SQL that a reply still to come may be about: its note points to it.
 */
static bool make_room(struct prepared *prepared, const char *at, bool is_owed)
{
	size_t most = prepared->max_held;

	return prepared->resumes || !prepared->fresh ||
	       (evict(prepared, at, most) &&
		(is_owed || prepared_evict_sql_names(prepared, at, most)));
}

bool prepared_begin_segment(struct prepared *prepared, const char *at)
{
	struct server_statements *server = server_of(prepared);
	const struct pipeline *pipeline = &prepared->upstream->pipeline;
	bool is_owed = pipeline_owes_more(pipeline);

	prepared->fresh = !pipeline_may_skip(pipeline);
	server->segment++;
	server->has_executed = false;
	if (prepared->session->statements != NULL)
		prepared->session->statements->names.bound = NULL;
	if (!is_owed)
		server->rest_segment = server->segment;
	server->certain = !is_owed && pipeline->status != 'E';
	if (server->has_taken && prepared->fresh) {
		write_close(prepared_write_up_to(prepared, at), TAKEN_NAME, strlen(TAKEN_NAME));
		if (!prepared_push(prepared, PIPELINE_OWN_CLOSE))
			return false;
		server->has_taken = false;
	}
	server->kept_error.length = 0;
	if (!prepared->replaying) {
		server->kept.length = 0;
		server->is_kept = true;
		server->uses_plan = server->was_replayed = false;
		prepared->segment_at = (size_t)(at - prepared->data);
	}
	bool has_room = server->held.table.count <= prepared->max_held &&
			server->sql_names.table.count <= prepared->max_held;
	return has_room || make_room(prepared, at, is_owed);
}

bool prepared_parse_held(struct prepared *prepared, const char *at, struct held *held,
			 unsigned char letter, struct note *note)
{
	const struct statement *statement = held->statement;
	struct writer *out = prepared_write_up_to(prepared, at);

	if (held->stale) {
		write_close(out, statement->name, statement->name_length);
		if (!prepared_push(prepared, PIPELINE_OWN_CLOSE))
			return false;
	}
	statement_write_parse(out, statement->name, statement->name_length, statement->body,
			      statement->key.length);
	held->pending = true;
	held->doubtful = false;
	held->shape = held->parameters = 0;
	held->alterations = prepared_alterations(prepared->upstream->server->pool);
	held->creator = prepared_creator(prepared->upstream);
	held->segment = server_of(prepared)->segment;
	note->held = held;
	prepared_count(prepared, &prepared->session->share->stats.server_parse_count);
	prepared->fresh = false;
	return prepared_push_noted(prepared, letter, note);
}

struct held *prepared_add_held(struct prepared *prepared, const char *at,
			       struct statement *statement)
{
	if (prepared->fresh && prepared->max_held > 0 &&
	    !evict(prepared, at, prepared->max_held - 1))
		return NULL;
	return held_add(&server_of(prepared)->held, statement);
}

static enum passage parse_held_anew(struct prepared *prepared, const char *at, struct held *held,
				    struct statement *statement)
{
	struct note note = {.kind = NOTE_HELD};

	if (held == NULL)
		held = prepared_add_held(prepared, at, statement);
	return taken_if(held != NULL &&
			prepared_parse_held(prepared, at, held, PIPELINE_OWN_PARSE, &note));
}

enum passage prepared_require_held(struct prepared *prepared, const char *at, struct name *name)
{
	struct held_set *set = &server_of(prepared)->held;
	struct statement *statement = name->statement;
	struct held *held = held_find(set, statement->id);

	if (held != NULL) {
		if (prepared_is_open(prepared, held->pending, held->segment))
			return prepared_wait(prepared);
		held_touch(set, held);
		/* What an EXECUTE returns depends on whose names were there when it was parsed. */
		if (held->segment != server_of(prepared)->segment &&
		    statement->sql.effect == SQL_EXECUTE)
			held->stale = true;
		if (!held->pending &&
		    prepared_is_outdated(prepared->upstream, held->alterations, held->creator, name))
			held->stale = true;
		if (held->pending || !held->stale)
			return PASSAGE_TAKEN;
	}
	struct statement *reread = prepared_reread(prepared, name);
	if (reread == NULL)
		return PASSAGE_FAILED;
	return reread == statement ? parse_held_anew(prepared, at, held, statement)
				   : prepared_require_held(prepared, at, name);
}

/* --- the unnamed statement -------------------------------------------------------- */

/* Whether nothing stands in front of it that may fail and have it skipped. */
static bool is_never_skipped(const struct prepared *prepared)
{
	return !pipeline_owes_more(&prepared->upstream->pipeline);
}

/* Pushes a message that replaces the unnamed statement; what it replaces is noted if it may have to
 * come back. */
static bool push_replacing(struct prepared *prepared, unsigned char letter)
{
	struct client_statements *client = prepared->session->statements;
	struct server_statements *server = server_of(prepared);
	struct note note = {.kind = NOTE_UNNAMED};

	server->unnamed_session = 0;
	if (is_never_skipped(prepared))
		return prepared_push(prepared, letter);
	if (client->unnamed_serial != 0) {
		note.unnamed = client->unnamed;
		note.serial = client->unnamed_serial;
		client->unnamed = client->spare;
		client->spare = NULL;
	}
	client->unnamed_pending++;
	client->unnamed_segment = server->segment;
	return prepared_push_noted(prepared, letter, &note);
}

static bool store_unnamed(struct client_statements *client, const char *body, size_t length)
{
	struct unnamed *unnamed = client->unnamed;

	if (unnamed == NULL || unnamed->capacity < length ||
	    (unnamed->capacity > KEPT_BYTES && length <= KEPT_BYTES)) {
		size_t capacity = length < 64 ? 64 : length;
		unnamed = malloc(sizeof *unnamed + capacity);
		if (unnamed == NULL)
			return false;
		unnamed->capacity = capacity;
		free(client->unnamed);
		client->unnamed = unnamed;
	}
	memcpy(unnamed->body, body, length);
	unnamed->length = length;
	if (++client->last_serial == 0)
		client->last_serial = 1;
	client->unnamed_serial = client->last_serial;
	return true;
}

static void note_unnamed_on_server(struct prepared *prepared, bool sure)
{
	struct server_statements *server = server_of(prepared);

	server->unnamed_session = prepared->session->id;
	server->unnamed_serial = prepared->session->statements->unnamed_serial;
	server->unnamed_segment = server->segment;
	server->unnamed_sure = sure;
}

enum passage prepared_parse_unnamed(struct prepared *prepared, const char *body, size_t length)
{
	struct client_statements *client = prepared_client(prepared);
	bool sure = is_never_skipped(prepared);

	if (client == NULL || !push_replacing(prepared, FRONTEND_PARSE) ||
	    !store_unnamed(client, body, length))
		return PASSAGE_FAILED;
	note_unnamed_on_server(prepared, sure);
	prepared_count(prepared, &prepared->session->share->stats.server_parse_count);
	return PASSAGE_TAKEN;
}

enum passage prepared_drop_unnamed(struct prepared *prepared, unsigned char letter)
{
	struct client_statements *client = prepared->session->statements;

	if (client == NULL || (client->unnamed_serial == 0 && client->unnamed_pending == 0)) {
		server_of(prepared)->unnamed_session = 0;
		return taken_if(prepared_push(prepared, letter));
	}
	bool pushed = push_replacing(prepared, letter);
	client->unnamed_serial = 0;
	return taken_if(pushed);
}

static bool server_has_unnamed(const struct prepared *prepared)
{
	const struct client_statements *client = prepared->session->statements;
	const struct server_statements *server = server_of(prepared);

	return server->unnamed_session == prepared->session->id &&
	       server->unnamed_serial == client->unnamed_serial &&
	       (server->unnamed_sure || server->unnamed_segment == server->segment ||
		prepared->upstream->pipeline.count == 0);
}

/* Its Parse stood in front of all that is open, and so has no note; but it is of an earlier segment, and
 * may fail. */
static bool unnamed_is_in_doubt(const struct prepared *prepared)
{
	const struct pipeline *pipeline = &prepared->upstream->pipeline;

	return !server_of(prepared)->certain && pipeline_owes_more(pipeline) &&
	       pipeline_at(pipeline, pipeline_runs_own_query(pipeline)) == FRONTEND_PARSE;
}

enum passage prepared_require_unnamed(struct prepared *prepared, const char *at)
{
	const struct client_statements *client = prepared->session->statements;
	struct writer *out;

	if (client != NULL &&
	    prepared_is_open(prepared, client->unnamed_pending > 0, client->unnamed_segment))
		return prepared_wait(prepared);
	if (client != NULL && client->unnamed_serial != 0 && server_has_unnamed(prepared))
		return PASSAGE_TAKEN;
	if (unnamed_is_in_doubt(prepared))
		return prepared_wait(prepared);
	out = prepared_write_up_to(prepared, at);
	if (client == NULL || client->unnamed_serial == 0) {
		/* The server may have another client's. */
		write_close(out, "", 0);
		server_of(prepared)->unnamed_session = 0;
		return taken_if(prepared_push(prepared, PIPELINE_OWN_CLOSE));
	}
	statement_write_parse(out, "", 0, client->unnamed->body, client->unnamed->length);
	note_unnamed_on_server(prepared, false);
	prepared_count(prepared, &prepared->session->share->stats.server_parse_count);
	return taken_if(prepared_push(prepared, PIPELINE_OWN_PARSE));
}
