#include "daemon/prepared.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/session.h"
#include "daemon/upstream.h"
#include "daemon/worker.h"
#include "pool/pools.h"

/* A client that has asked for so much that may have to be undone waits for outcomes. */
#define MOST_NOTES 10000
#define MOST_NOTED_BYTES ((size_t)1024 * 1024)

/* Buffers larger than this are not kept for the next use. */
#define KEPT_BYTES ((size_t)16 * 1024)

/* --- what goes out ------------------------------------------------------------------------ */

void prepared_begin(struct prepared *prepared, struct session *session, struct upstream *upstream)
{
	const struct settings *settings = session->share->settings;
	const struct client_statements *client = session->statements;
	bool has_names = client != NULL && client->names.entries > 0;

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
}

void prepared_offer(struct prepared *prepared, const char *data)
{
	prepared->data = data;
	prepared->copied = 0;
	prepared->rewriting = false;
}

/* Brings what stands before `at` into the output, behind which something else can be written. */
static struct writer *write_up_to(struct prepared *prepared, const char *at)
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

/* Leaves a message, or the part of it that is there, out. */
static void leave_out(struct prepared *prepared, const struct message *message)
{
	write_up_to(prepared, message->start);
	prepared->copied += message->present;
}

bool prepared_finish(struct prepared *prepared, size_t taken, const char **data, size_t *length)
{
	struct writer *out = prepared->out;
	struct pipeline *pipeline = &prepared->upstream->pipeline;

	/* Nothing more may come from the client, so it is for us to hear the outcome. */
	if (prepared->waits && pipeline->unsynced && !pipeline->skipping) {
		write_up_to(prepared, prepared->data + taken);
		message_begin(out, FRONTEND_FLUSH);
		message_end(out);
	}
	if (!prepared->rewriting) {
		*data = prepared->data;
		*length = taken;
		return true;
	}
	write_up_to(prepared, prepared->data + taken);
	*data = out->data;
	*length = out->length;
	return !out->failed;
}

bool prepared_is_waiting(struct prepared *prepared)
{
	if (prepared->waits && prepared->upstream->statements.notes.count == 0)
		prepared->waits = false;
	return prepared->waits;
}

/* --- notes -------------------------------------------------------------------------------- */

static struct server_statements *server_of(const struct prepared *prepared)
{
	return &prepared->upstream->statements;
}

static bool push(struct prepared *prepared, unsigned char letter)
{
	return pipeline_request(&prepared->upstream->pipeline, letter);
}

static bool push_noted(struct prepared *prepared, unsigned char letter, const struct note *note)
{
	return notes_add(&server_of(prepared)->notes, note) &&
	       push(prepared, (unsigned char)(letter | PIPELINE_NOTED));
}

static enum passage taken_if(bool good)
{
	return good ? PASSAGE_TAKEN : PASSAGE_FAILED;
}

static enum passage wait_for_outcome(struct prepared *prepared)
{
	prepared->waits = true;
	return PASSAGE_WAITS;
}

/* Whether something that was changed, with an unknown outcome, may be relied on now. */
static bool is_open(const struct prepared *prepared, bool pending, uint32_t segment)
{
	return pending && segment != server_of(prepared)->segment;
}

/* --- the server's statements -------------------------------------------------------------- */

/* Only at the beginning of a segment, where it can not be skipped. */
static bool evict(struct prepared *prepared, const char *at, size_t most)
{
	struct held_set *set = &server_of(prepared)->held;
	struct held *held;

	while (set->count > most && (held = held_least_used(set)) != NULL) {
		const struct statement *statement = held->statement;
		write_close(write_up_to(prepared, at), statement->name, statement->name_length);
		if (!push(prepared, PIPELINE_OWN_CLOSE))
			return false;
		held_remove(set, held);
	}
	return true;
}

static bool begin_segment(struct prepared *prepared, const char *at)
{
	struct server_statements *server = server_of(prepared);
	const struct pipeline *pipeline = &prepared->upstream->pipeline;
	uint32_t own = pipeline_runs_own_query(pipeline);

	server->segment++;
	server->certain = pipeline->count == own && pipeline->status != 'E';
	if (server->has_taken) {
		write_close(write_up_to(prepared, at), TAKEN_NAME, strlen(TAKEN_NAME));
		if (!push(prepared, PIPELINE_OWN_CLOSE))
			return false;
		server->has_taken = false;
	}
	return evict(prepared, at, prepared->max_held);
}

/* The server shall hold the statement, which it does not yet, or not rightly: `letter` says who
 * asks for the Parse. */
static bool parse_held(struct prepared *prepared, const char *at, struct held *held,
		       unsigned char letter, struct note *note)
{
	const struct statement *statement = held->statement;
	struct writer *out = write_up_to(prepared, at);

	if (held->stale) {
		write_close(out, statement->name, statement->name_length);
		if (!push(prepared, PIPELINE_OWN_CLOSE))
			return false;
	}
	statement_write_parse(out, statement->name, statement->name_length, statement->body,
			      statement->length);
	held->pending = true;
	held->segment = server_of(prepared)->segment;
	note->held = held;
	stats_count(&prepared->session->share->stats.server_parse_count, 1);
	prepared->fresh = false;
	return push_noted(prepared, letter, note);
}

static struct held *add_held(struct prepared *prepared, const char *at, struct statement *statement)
{
	if (prepared->fresh && prepared->max_held > 0 &&
	    !evict(prepared, at, prepared->max_held - 1))
		return NULL;
	return held_add(&server_of(prepared)->held, statement);
}

/* Sees to it that the server has the statement when it reads what is written next. */
static enum passage require_held(struct prepared *prepared, const char *at,
				 struct statement *statement)
{
	struct held_set *set = &server_of(prepared)->held;
	struct held *held = held_find(set, statement->id);
	struct note note = {.kind = NOTE_HELD};

	if (held != NULL && is_open(prepared, held->pending, held->segment))
		return wait_for_outcome(prepared);
	if (held != NULL)
		held_touch(set, held);
	if (held != NULL && (held->pending || !held->stale))
		return PASSAGE_TAKEN;
	if (held == NULL)
		held = add_held(prepared, at, statement);
	return taken_if(held != NULL &&
			parse_held(prepared, at, held, PIPELINE_OWN_PARSE, &note));
}

/* --- the unnamed statement ---------------------------------------------------------------- */

static struct client_statements *client_of(const struct prepared *prepared)
{
	if (prepared->session->statements == NULL)
		prepared->session->statements = client_statements_new();
	return prepared->session->statements;
}

/* Nothing stands in front of it that may fail and have it skipped. */
static bool is_never_skipped(const struct prepared *prepared)
{
	const struct pipeline *pipeline = &prepared->upstream->pipeline;
	return prepared->fresh && pipeline->count == pipeline_runs_own_query(pipeline);
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
		return push(prepared, letter);
	if (client->unnamed_serial != 0) {
		note.unnamed = client->unnamed;
		note.serial = client->unnamed_serial;
		client->unnamed = client->spare;
		client->spare = NULL;
	}
	client->unnamed_pending++;
	client->unnamed_segment = server->segment;
	return push_noted(prepared, letter, &note);
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

static enum passage parse_unnamed(struct prepared *prepared, const char *body, size_t length)
{
	struct client_statements *client = client_of(prepared);
	bool sure = is_never_skipped(prepared);

	if (client == NULL || !push_replacing(prepared, FRONTEND_PARSE) ||
	    !store_unnamed(client, body, length))
		return PASSAGE_FAILED;
	note_unnamed_on_server(prepared, sure);
	stats_count(&prepared->session->share->stats.server_parse_count, 1);
	return PASSAGE_TAKEN;
}

/* A Close of it, or a Query, which drops it. */
static enum passage drop_unnamed(struct prepared *prepared, unsigned char letter)
{
	struct client_statements *client = prepared->session->statements;

	if (client == NULL || (client->unnamed_serial == 0 && client->unnamed_pending == 0)) {
		server_of(prepared)->unnamed_session = 0;
		return taken_if(push(prepared, letter));
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

static enum passage require_unnamed(struct prepared *prepared, const char *at)
{
	const struct client_statements *client = prepared->session->statements;
	struct writer *out;

	if (client != NULL &&
	    is_open(prepared, client->unnamed_pending > 0, client->unnamed_segment))
		return wait_for_outcome(prepared);
	if (client != NULL && client->unnamed_serial != 0 && server_has_unnamed(prepared))
		return PASSAGE_TAKEN;
	out = write_up_to(prepared, at);
	if (client == NULL || client->unnamed_serial == 0) {
		/* The server may have another client's. */
		write_close(out, "", 0);
		server_of(prepared)->unnamed_session = 0;
		return taken_if(push(prepared, PIPELINE_OWN_CLOSE));
	}
	statement_write_parse(out, "", 0, client->unnamed->body, client->unnamed->length);
	note_unnamed_on_server(prepared, false);
	stats_count(&prepared->session->share->stats.server_parse_count, 1);
	return taken_if(push(prepared, PIPELINE_OWN_PARSE));
}

/* --- names -------------------------------------------------------------------------------- */

/* The part of a message with one name in it, of which the end has been found. */
struct reference {
	const char *name;
	size_t length;
	const char *rest; /* behind its zero */
};

static bool find_name(const struct message *message, const char *from, struct reference *found)
{
	size_t left = (size_t)(message->start + message->present - from);
	const char *zero = memchr(from, '\0', left);

	if (zero == NULL)
		return false;
	*found = (struct reference){from, (size_t)(zero - from), zero + 1};
	return true;
}

/* Writes a message with another name in it. */
static void write_renamed(struct prepared *prepared, const struct message *message,
			  const struct reference *old, const char *name, size_t length)
{
	struct writer *out = write_up_to(prepared, message->start);

	write_uint8(out, message->letter);
	write_uint32(out, (uint32_t)(message->body_length + 4 - old->length + length));
	write_bytes(out, message->body, (size_t)(old->name - message->body));
	write_bytes(out, name, length);
	prepared->copied += (size_t)(old->name + old->length - message->start);
	write_up_to(prepared, message->start + message->present);
}

/* The server is to say that the statement is not there, which the error will say of the client's. */
static enum passage use_unknown(struct prepared *prepared, const struct message *message,
				const struct reference *name)
{
	struct note note = {.kind = NOTE_MISNAMED, .text = strndup(name->name, name->length)};

	if (note.text == NULL)
		return PASSAGE_FAILED;
	write_renamed(prepared, message, name, UNKNOWN_NAME, strlen(UNKNOWN_NAME));
	return taken_if(push_noted(prepared, message->letter, &note));
}

/* Bind, or Describe of a statement. */
static enum passage use_statement(struct prepared *prepared, const struct message *message,
				  const struct reference *reference)
{
	const struct client_statements *client = prepared->session->statements;
	struct name *name;
	enum passage passage;

	if (reference->length == 0) {
		passage = require_unnamed(prepared, message->start);
		return passage != PASSAGE_TAKEN ? passage :
						  taken_if(push(prepared, message->letter));
	}
	name = client == NULL ? NULL :
				names_find(&client->names, reference->name, reference->length);
	if (name != NULL && is_open(prepared, name->pending > 0, name->segment))
		return wait_for_outcome(prepared);
	if (name == NULL || name->statement == NULL)
		return use_unknown(prepared, message, reference);

	struct statement *statement = name->statement;
	passage = require_held(prepared, message->start, statement);
	if (passage != PASSAGE_TAKEN)
		return passage;
	atomic_fetch_add_explicit(&statement->uses, 1, memory_order_relaxed);
	write_renamed(prepared, message, reference, statement->name, statement->name_length);
	struct note note = {.kind = NOTE_USE, .name = name, .id = statement->id};
	name->asked++;
	return taken_if(push_noted(prepared, message->letter, &note));
}

/* Notes that the name is about to mean that statement, whose hold is taken over. */
static bool define(struct prepared *prepared, struct name *name, struct statement *statement,
		   struct note *note)
{
	struct client_statements *client = prepared->session->statements;

	*note = (struct note){.kind = NOTE_DEFINE, .name = name};
	note->before = names_set(&client->names, name, statement);
	name->pending++;
	name->segment = server_of(prepared)->segment;
	return true;
}

/* --- Parse -------------------------------------------------------------------------------- */

/*
 * The name is in use, which the server is to say, in its own order of complaints: so the Parse gets
 * a name that is in use there.
 */
static enum passage parse_taken_name(struct prepared *prepared, const struct message *message,
				     const struct reference *name)
{
	struct note note = {.kind = NOTE_MISNAMED, .text = strndup(name->name, name->length)};
	struct writer *out = write_up_to(prepared, message->start);

	if (note.text == NULL)
		return PASSAGE_FAILED;
	write_close(out, TAKEN_NAME, strlen(TAKEN_NAME));
	statement_write_parse(out, TAKEN_NAME, strlen(TAKEN_NAME), "\0\0", 3);
	write_renamed(prepared, message, name, TAKEN_NAME, strlen(TAKEN_NAME));
	server_of(prepared)->has_taken = true;
	return taken_if(push(prepared, PIPELINE_OWN_CLOSE) && push(prepared, PIPELINE_OWN_PARSE) &&
			push_noted(prepared, FRONTEND_PARSE, &note));
}

/* One more would be too many: something that is sure to fail is sent, and the error replaced. */
static enum passage refuse_parse(struct prepared *prepared, const struct message *message)
{
	struct note note = {.kind = NOTE_REFUSED, .failure = malloc(sizeof(struct failure))};
	struct writer *out = write_up_to(prepared, message->start);

	if (note.failure == NULL)
		return PASSAGE_FAILED;
	failure_set(note.failure, FAILURE_TOO_MANY_STATEMENTS);
	message_begin(out, FRONTEND_DESCRIBE);
	write_uint8(out, 'S');
	write_text(out, UNKNOWN_NAME);
	message_end(out);
	leave_out(prepared, message);
	return taken_if(push_noted(prepared, FRONTEND_DESCRIBE, &note));
}

/*
 * The server holds the statement already. Inside a failed transaction it would refuse to parse all
 * the same; so where that may be, it is asked to, as the unnamed statement.
 */
static enum passage parse_again(struct prepared *prepared, const struct message *message,
				const struct reference *name, const struct note *note)
{
	if (server_of(prepared)->certain) {
		leave_out(prepared, message);
		return taken_if(push_noted(prepared, PIPELINE_LOCAL_PARSE, note));
	}
	write_renamed(prepared, message, name, "", 0);
	server_of(prepared)->unnamed_session = 0;
	stats_count(&prepared->session->share->stats.server_parse_count, 1);
	return taken_if(push_noted(prepared, FRONTEND_PARSE, note));
}

static enum passage parse_statement(struct prepared *prepared, const struct message *message,
				    const struct reference *reference, struct name *name,
				    struct statement *statement)
{
	struct held_set *set = &server_of(prepared)->held;
	struct held *held = held_find(set, statement->id);
	struct note note;

	define(prepared, name, statement, &note);
	if (held != NULL)
		held_touch(set, held);
	if (held != NULL && (held->pending || !held->stale))
		return parse_again(prepared, message, reference, &note);
	if (held == NULL)
		held = add_held(prepared, message->start, statement);
	if (held == NULL || !parse_held(prepared, message->start, held, FRONTEND_PARSE, &note))
		return PASSAGE_FAILED;
	leave_out(prepared, message);
	return PASSAGE_TAKEN;
}

static enum passage parse_named(struct prepared *prepared, const struct message *message,
				const struct reference *reference, size_t body_length)
{
	struct client_statements *client = client_of(prepared);
	struct statement_table *table = prepared->session->pool->pools->statements;

	struct name *name = client == NULL ? NULL :
					     names_make(&client->names, reference->name,
							reference->length);
	if (name == NULL)
		return PASSAGE_FAILED;
	if (is_open(prepared, name->pending > 0, name->segment))
		return wait_for_outcome(prepared);
	if (name->statement != NULL)
		return parse_taken_name(prepared, message, reference);
	if (client->names.count >= prepared->max_names) {
		names_tidy(&client->names, name);
		return refuse_parse(prepared, message);
	}
	struct statement *statement =
		statement_intern(table, reference->rest, body_length, false, HELD_BY_CLIENT);
	if (statement == NULL)
		return PASSAGE_FAILED;
	const struct held *held = held_find(&server_of(prepared)->held, statement->id);
	if (held != NULL && is_open(prepared, held->pending, held->segment)) {
		statement_drop(statement, HELD_BY_CLIENT);
		names_tidy(&client->names, name);
		return wait_for_outcome(prepared);
	}
	return parse_statement(prepared, message, reference, name, statement);
}

static enum passage request_parse(struct prepared *prepared, const struct message *message)
{
	struct reference name;
	size_t length = 0;

	if (find_name(message, message->body, &name))
		length = (size_t)(message->body + message->body_length - name.rest);
	/* Nonsense, which the server will refuse. */
	if (length == 0 || !statement_body_is_sound(name.rest, length))
		return taken_if(push(prepared, FRONTEND_PARSE));
	enum passage passage = name.length == 0 ?
				       parse_unnamed(prepared, name.rest, length) :
				       parse_named(prepared, message, &name, length);
	if (passage == PASSAGE_TAKEN)
		stats_count(&prepared->session->share->stats.client_parse_count, 1);
	return passage;
}

/* --- the other messages ------------------------------------------------------------------- */

static enum passage request_bind(struct prepared *prepared, const struct message *message)
{
	struct reference portal;
	struct reference statement;

	if (!find_name(message, message->body, &portal) ||
	    !find_name(message, portal.rest, &statement))
		return taken_if(push(prepared, FRONTEND_BIND));
	enum passage passage = use_statement(prepared, message, &statement);
	if (passage == PASSAGE_TAKEN)
		stats_count(&prepared->session->share->stats.bind_count, 1);
	return passage;
}

/* Answered here, since others may use the statement. */
static enum passage close_named(struct prepared *prepared, const struct message *message,
				const struct reference *reference)
{
	const struct client_statements *client = prepared->session->statements;
	struct name *name = client == NULL ? NULL :
					     names_find(&client->names, reference->name,
							reference->length);
	struct note note;

	if (name != NULL && is_open(prepared, name->pending > 0, name->segment))
		return wait_for_outcome(prepared);
	leave_out(prepared, message);
	if (name == NULL || name->statement == NULL)
		return taken_if(push(prepared, PIPELINE_LOCAL_CLOSE));
	define(prepared, name, NULL, &note);
	return taken_if(push_noted(prepared, PIPELINE_LOCAL_CLOSE, &note));
}

static enum passage request_describe_or_close(struct prepared *prepared,
					      const struct message *message)
{
	struct reference name;

	if (message->body_length < 2 || message->body[0] != 'S' ||
	    !find_name(message, message->body + 1, &name) ||
	    name.rest != message->body + message->body_length)
		return taken_if(push(prepared, message->letter));
	if (message->letter == FRONTEND_DESCRIBE)
		return use_statement(prepared, message, &name);
	return name.length == 0 ? drop_unnamed(prepared, FRONTEND_CLOSE) :
				  close_named(prepared, message, &name);
}

/* Whether enough of the message is there to be understood: of a Bind, which may be large, its names. */
static bool is_enough(const struct message *message)
{
	struct reference name;

	if (message_is_whole(message) || message->letter == FRONTEND_QUERY ||
	    message->letter == FRONTEND_EXECUTE)
		return true;
	return message->letter == FRONTEND_BIND && find_name(message, message->body, &name) &&
	       find_name(message, name.rest, &name);
}

enum passage prepared_request(struct prepared *prepared, const struct message *message)
{
	const struct pipeline *pipeline = &prepared->upstream->pipeline;
	const struct notes *notes = &server_of(prepared)->notes;

	/* The server ignores it, and so does everybody. */
	if (pipeline->skipping)
		return taken_if(push(prepared, message->letter));
	if (!is_enough(message))
		return PASSAGE_INCOMPLETE;
	if (notes->count > MOST_NOTES || notes->bytes > MOST_NOTED_BYTES)
		return wait_for_outcome(prepared);
	prepared->fresh = !pipeline->unsynced;
	if (prepared->fresh && !begin_segment(prepared, message->start))
		return PASSAGE_FAILED;
	switch (message->letter) {
	case FRONTEND_PARSE:
		return request_parse(prepared, message);
	case FRONTEND_BIND:
		return request_bind(prepared, message);
	case FRONTEND_QUERY:
		return drop_unnamed(prepared, FRONTEND_QUERY);
	case FRONTEND_EXECUTE:
		return taken_if(push(prepared, FRONTEND_EXECUTE));
	default:
		return request_describe_or_close(prepared, message);
	}
}
