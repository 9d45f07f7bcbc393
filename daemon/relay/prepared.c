#include "daemon/relay/prepared_parts.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/relay/ties.h"
#include "daemon/relay/unreported.h"

/* A client that has asked for so much that may have to be undone waits for outcomes. */
#define MOST_NOTES 10000
#define MOST_NOTED_BYTES ((size_t)1024 * 1024)

/* --- beginning and end -------------------------------------------------------------------- */

struct client_statements *client_statements_new(void)
{
	return calloc(1, sizeof(struct client_statements));
}

void client_statements_free(struct client_statements *client)
{
	if (client == NULL)
		return;
	names_clear(&client->names);
	free(client->unnamed);
	free(client->spare);
	portals_clear(&client->portals);
	parameters_drop(client->start);
	parameters_drop(client->wishes);
	parameters_drop(client->literals);
	free(client);
}

void prepared_follow_pool(const struct session *session)
{
	if (session->statements != NULL)
		names_date(&session->statements->names, prepared_alterations(session->pool));
}

void server_statements_clear(struct server_statements *server)
{
	held_clear(&server->held);
	sql_names_clear(&server->sql_names);
	server->unnamed_session = 0;
	server->must_deallocate = false;
}

void server_statements_release(struct server_statements *server)
{
	notes_release(&server->notes);
	held_clear(&server->held);
	sql_names_clear(&server->sql_names);
	writer_release(&server->kept);
	writer_release(&server->kept_error);
}

void prepared_begin(struct prepared *prepared, struct session *session, struct upstream *upstream)
{
	const struct settings *settings = session->share->settings;
	struct client_statements *client = session->statements;
	bool has_names = client != NULL && client->names.table.count > 0;

	*prepared = (struct prepared){
		.on = pool_share_mode(session->share) != POOL_SESSION &&
		      (settings->max_prepared_statements > 0 || has_names),
		.session = session,
		.upstream = upstream,
		.out = &session->worker->requests,
		.max_held = (size_t)settings->max_prepared_statements,
		.max_names = (size_t)settings->max_client_prepared_statements,
	};
	if (!prepared->on)
		upstream->statements.unnamed_session = 0;
	/* They have gone with their transaction. */
	if (client != NULL)
		portals_clear(&client->portals);
}

/* --- what goes out ---------------------------------------------------------------- */

void prepared_offer(struct prepared *prepared, const char *data, size_t length,
		    const struct writer *prefix)
{
	prepared->data = data;
	prepared->end = data + length;
	prepared->copied = 0;
	prepared->rewriting = false;
	prepared->segment_at = 0;
	if (prefix != NULL) {
		struct writer *out = prepared_write_up_to(prepared, data);
		write_bytes(out, prefix->data, prefix->length);
	}
	/* Of what came before, nothing was kept. */
	if (prepared->upstream->pipeline.unsynced && !server_of(prepared)->uses_plan &&
	    !prepared->replaying)
		server_of(prepared)->is_kept = false;
}

struct writer *prepared_write_up_to(struct prepared *prepared, const char *at)
{
	struct writer *out = prepared->out;
	size_t offset = (size_t)(at - prepared->data);

	if (!prepared->rewriting)
		writer_reuse(out);
	prepared->rewriting = true;
	write_bytes(out, prepared->data + prepared->copied, offset - prepared->copied);
	prepared->copied = offset;
	return out;
}

void prepared_leave_out(struct prepared *prepared, const struct message *message)
{
	prepared_write_up_to(prepared, message->start);
	prepared->copied += message->present;
}

/* Whether the next messages depend on what the server may keep back until a Sync, or have no room. */
static bool must_flush(const struct prepared *prepared)
{
	const struct pipeline *pipeline = &prepared->upstream->pipeline;

	return (prepared->waits || pipeline_is_full(pipeline)) && pipeline->unsynced &&
	       !pipeline->skipping;
}

bool prepared_finish(struct prepared *prepared, size_t taken, bool at_end, const char **data,
		     size_t *length)
{
	struct writer *out = prepared->out;
	/* The client's own Sync is not read before, so it is for us to hear the outcome. */
	bool flushes = at_end && must_flush(prepared);

	if (!prepared->rewriting && !flushes) {
		*data = prepared->data;
		*length = taken;
		return true;
	}
	prepared_write_up_to(prepared, prepared->data + taken);
	if (flushes)
		write_empty(out, FRONTEND_FLUSH);
	*data = out->data;
	*length = out->length;
	return !out->failed;
}

bool prepared_is_waiting(struct prepared *prepared)
{
	const struct pipeline *pipeline = &prepared->upstream->pipeline;

	/* What has no place in a COPY waits for nothing: the relay refuses it. */
	if (prepared->waits && (pipeline->count == 0 || pipeline_wants_copy(pipeline)))
		prepared->waits = false;
	return prepared->waits;
}

/* --- notes ------------------------------------------------------------------------ */

/* A message that the client has had an answer to is ours when it is sent again. */
static unsigned char asker(const struct prepared *prepared, unsigned char letter)
{
	if (!prepared->answered)
		return letter;
	return letter == FRONTEND_BIND	     ? PIPELINE_OWN_BIND
	       : letter == FRONTEND_DESCRIBE ? PIPELINE_OWN_DESCRIBE
					     : letter;
}

bool prepared_push(struct prepared *prepared, unsigned char letter)
{
	return pipeline_request(&prepared->upstream->pipeline, asker(prepared, letter));
}

bool prepared_push_noted(struct prepared *prepared, unsigned char letter, const struct note *note)
{
	return notes_add(&server_of(prepared)->notes, note) &&
	       pipeline_request(&prepared->upstream->pipeline,
				(unsigned char)(asker(prepared, letter) | PIPELINE_NOTED));
}

enum passage prepared_wait(struct prepared *prepared)
{
	prepared->waits = prepared->resumes = true;
	return PASSAGE_WAITS;
}

/* Whether something that was changed, with an unknown outcome, may be relied on now. */
bool prepared_is_open(const struct prepared *prepared, bool pending, uint32_t segment)
{
	return pending && segment != server_of(prepared)->segment;
}

struct client_statements *prepared_client(const struct prepared *prepared)
{
	if (prepared->session->statements == NULL)
		prepared->session->statements = client_statements_new();
	return prepared->session->statements;
}

/* --- names ------------------------------------------------------------------------ */

bool reference_find(const struct message *message, const char *from, struct reference *found)
{
	size_t left = (size_t)(message->start + message->present - from);
	const char *zero = memchr(from, '\0', left);

	if (zero == NULL)
		return false;
	*found = (struct reference){from, (size_t)(zero - from), zero + 1};
	return true;
}

void prepared_write_renamed(struct prepared *prepared, const struct message *message,
			    const struct reference *old, const char *name, size_t length)
{
	struct writer *out = prepared_write_up_to(prepared, message->start);

	write_uint8(out, message->letter);
	write_uint32(out, (uint32_t)(message->body_length + 4 - old->length + length));
	write_bytes(out, message->body, (size_t)(old->name - message->body));
	write_bytes(out, name, length);
	prepared->copied += (size_t)(old->name + old->length - message->start);
	prepared_write_up_to(prepared, message->start + message->present);
}

/* The server is to say that the statement is not there, which the error will say of the client's. */
static enum passage use_unknown(struct prepared *prepared, const struct message *message,
				const struct reference *name)
{
	struct note note = {.kind = NOTE_MISNAMED, .text = notes_copy_name(name->name, name->length)};

	if (note.text == NULL)
		return PASSAGE_FAILED;
	prepared_write_renamed(prepared, message, name, UNKNOWN_NAME, strlen(UNKNOWN_NAME));
	return taken_if(prepared_push_noted(prepared, message->letter, &note));
}

/* A client that is pinned may have prepared it there. But what has a name given by SQL is another's, and nobody calls our
 * own by their names. */
static bool is_on_its_server(const struct prepared *prepared, const struct reference *name)
{
	const struct client_statements *client = prepared->session->statements;

	return client != NULL && client->pins > 0 &&
	       sql_name_find(&server_of(prepared)->sql_names, name->name, name->length) == NULL &&
	       strncmp(name->name, STATEMENT_PREFIX, strlen(STATEMENT_PREFIX)) != 0;
}

static enum passage use_unnamed(struct prepared *prepared, const struct message *message,
				const struct reference *portal)
{
	const struct client_statements *client = prepared->session->statements;
	struct sql sql = {.effect = SQL_NONE};
	enum passage passage = PASSAGE_TAKEN;
	const char *text = NULL;

	if (client != NULL && client->unnamed_serial != 0) {
		text = client->unnamed->body;
		sql_look(&sql, text, strlen(text));
		ties_note_text(prepared->upstream, text, sql.length);
		unreported_note_text(prepared->upstream, text, sql.length);
		passage = prepared_require_sql(prepared, message->start, &sql);
	}
	if (passage == PASSAGE_TAKEN)
		passage = prepared_require_unnamed(prepared, message->start);
	if (passage != PASSAGE_TAKEN)
		return passage;
	if (text != NULL && portal != NULL &&
	    !prepared_note_portal(prepared, portal, &sql, text))
		return PASSAGE_FAILED;
	if (portal != NULL)
		prepared_remember_use(prepared, portal, NULL);
	return taken_if(prepared_push(prepared, message->letter));
}

/* What the server must have for a statement of the client's to be used. */
static enum passage require(struct prepared *prepared, const char *at,
			    const struct reference *reference, struct name *name)
{
	const struct statement *statement = name->statement;

	if (statement->key.is_command)
		return prepared_require_sql_name(prepared, at, reference->name, reference->length);
	enum passage passage = prepared_require_sql(prepared, at, &statement->sql);
	return passage != PASSAGE_TAKEN ? passage : prepared_require_held(prepared, at, name);
}

/* What a portal of it does: the statement of an SQL PREPARE has no effect. */
static const struct sql *runs(const struct statement *statement)
{
	static const struct sql nothing = {.effect = SQL_NONE};

	return statement->key.is_command ? &nothing : &statement->sql;
}

/* Bind, which has a portal, or Describe of a statement, which has none. */
static enum passage use_statement(struct prepared *prepared, const struct message *message,
				  const struct reference *portal, const struct reference *reference)
{
	enum passage passage;

	if (reference->length == 0)
		return use_unnamed(prepared, message, portal);
	struct name *name = prepared_find_name(prepared, reference->name, reference->length);
	if (name != NULL && prepared_is_open(prepared, name->pending > 0, name->segment))
		return prepared_wait(prepared);
	if ((name == NULL || name->statement == NULL) && !is_on_its_server(prepared, reference))
		return use_unknown(prepared, message, reference);
	if (name == NULL || name->statement == NULL) {
		ties_note_locks(prepared->upstream); /* it is not known what it does */
		return taken_if(prepared_push(prepared, message->letter));
	}

	passage = require(prepared, message->start, reference, name);
	if (passage != PASSAGE_TAKEN)
		return passage;
	if (portal != NULL && prepared_may_surprise(prepared, message, name))
		return prepared_spare_surprise(prepared, message, name);
	prepared_remember_use(prepared, portal, name);
	struct statement *statement = name->statement;
	if (portal != NULL &&
	    !prepared_note_portal(prepared, portal, runs(statement), statement->body))
		return PASSAGE_FAILED;
	server_of(prepared)->uses_plan = true;
	ties_note_statement(prepared->upstream, statement);
	unreported_note_statement(prepared->upstream, statement);
	atomic_fetch_add_explicit(&statement->uses, 1, memory_order_relaxed);
	if (!statement->key.is_command)
		prepared_write_renamed(prepared, message, reference, statement->name,
				       statement->name_length);
	struct note note = {.kind = NOTE_USE, .name = name, .id = statement->id};
	name->asked++;
	return taken_if(prepared_push_noted(prepared, message->letter, &note));
}

/* --- the other messages ----------------------------------------------------------- */

static enum passage request_bind(struct prepared *prepared, const struct message *message)
{
	struct reference portal;
	struct reference statement;

	if (!reference_find(message, message->body, &portal) ||
	    !reference_find(message, portal.rest, &statement))
		return taken_if(prepared_push(prepared, FRONTEND_BIND));
	enum passage passage = use_statement(prepared, message, &portal, &statement);
	if (passage == PASSAGE_TAKEN)
		prepared_count(prepared, &prepared->session->share->stats.bind_count);
	return passage;
}

/* Answered here, since others may use the statement. */
static enum passage close_named(struct prepared *prepared, const struct message *message,
				const struct reference *reference)
{
	struct name *name = prepared_find_name(prepared, reference->name, reference->length);
	struct note note;

	if (name != NULL && prepared_is_open(prepared, name->pending > 0, name->segment))
		return prepared_wait(prepared);
	prepared_leave_out(prepared, message);
	if (name == NULL || name->statement == NULL)
		return taken_if(prepared_push(prepared, PIPELINE_LOCAL_CLOSE));
	prepared_define(prepared, name, NULL, &note);
	return taken_if(prepared_push_noted(prepared, PIPELINE_LOCAL_CLOSE, &note));
}

/* What is not about a statement. */
static enum passage push_other(struct prepared *prepared, const struct message *message)
{
	struct client_statements *client = prepared->session->statements;
	struct reference portal;

	if (message->letter == FRONTEND_CLOSE && client != NULL && message->body_length > 1 &&
	    reference_find(message, message->body + 1, &portal))
		portals_remove(&client->portals, portal.name, portal.length);
	return taken_if(prepared_push(prepared, message->letter));
}

static enum passage request_describe_or_close(struct prepared *prepared,
					      const struct message *message)
{
	struct reference name;

	if (message->body_length < 2 || !reference_find(message, message->body + 1, &name) ||
	    name.rest != message->body + message->body_length ||
	    (message->body[0] != 'S' && message->letter != FRONTEND_DESCRIBE))
		return push_other(prepared, message);
	if (message->letter == FRONTEND_DESCRIBE)
		return message->body[0] == 'S' ? use_statement(prepared, message, NULL, &name)
					       : prepared_describe_portal(prepared, &name);
	return name.length == 0 ? prepared_drop_unnamed(prepared, FRONTEND_CLOSE)
				: close_named(prepared, message, &name);
}

/* Whether enough of the message is there to be understood: of a Bind, which may be large, its names. */
static bool is_enough(const struct prepared *prepared, const struct message *message)
{
	struct reference name;

	if (message_is_whole(message))
		return true;
	if (message->letter == FRONTEND_QUERY)
		return prepared_may_send_pieces(prepared, message);
	return message->letter == FRONTEND_BIND && reference_find(message, message->body, &name) &&
	       reference_find(message, name.rest, &name);
}

static bool begin_segment(struct prepared *prepared, const struct message *message)
{
	const struct pipeline *pipeline = &prepared->upstream->pipeline;

	return prepared_begin_segment(prepared, message->start) &&
	       (message->letter != FRONTEND_QUERY || !pipeline->unsynced ||
		prepared_end_apart(prepared, message->start));
}

static enum passage take(struct prepared *prepared, const struct message *message)
{
	const struct pipeline *pipeline = &prepared->upstream->pipeline;
	const struct notes *notes = &server_of(prepared)->notes;

	/* The server ignores it, and so does everybody. */
	if (pipeline->skipping)
		return taken_if(prepared_push(prepared, message->letter));
	if (!is_enough(prepared, message))
		return PASSAGE_INCOMPLETE;
	if (server_of(prepared)->open_effects > 0 || notes->count > MOST_NOTES ||
	    notes->bytes > MOST_NOTED_BYTES)
		return prepared_wait(prepared);
	prepared->fresh = false;
	if (!pipeline->unsynced && !begin_segment(prepared, message))
		return PASSAGE_FAILED;
	switch (message->letter) {
	case FRONTEND_PARSE:
		return prepared_request_parse(prepared, message);
	case FRONTEND_BIND:
		return request_bind(prepared, message);
	case FRONTEND_QUERY:
		return prepared_request_query(prepared, message);
	case FRONTEND_EXECUTE:
		return prepared_request_execute(prepared, message);
	default:
		return request_describe_or_close(prepared, message);
	}
}

enum passage prepared_request(struct prepared *prepared, const struct message *message)
{
	enum passage passage = take(prepared, message);

	if (passage == PASSAGE_TAKEN)
		prepared->resumes = false;
	return passage;
}
