/*
 * Prepared statements: doing once more what failed only because of a plan or a statement on the
 * server that was good before, but is not any more (a table was altered, or a DEALLOCATE ran where
 * it could not be seen).
 *
 * The client's messages of the present segment are kept, as long as they are few. When the error
 * comes, nothing has been executed outside the transaction that the error has ended, and nothing is
 * on its way behind, they can be sent again; what was answered before is then answered to nobody.
 */
#include "daemon/relay/prepared_parts.h"

#include "protocol/hash.h"

#define KEPT_BYTES ((size_t)64 * 1024)

/* --- keeping ------------------------------------------------------------------------------ */

void prepared_keep(struct prepared *prepared, size_t taken)
{
	struct server_statements *server = server_of(prepared);
	size_t from = prepared->segment_at;

	prepared->segment_at = taken;
	if (!server->is_kept)
		return;
	if (taken - from > KEPT_BYTES - server->kept.length)
		server->is_kept = false;
	else
		write_bytes(&server->kept, prepared->data + from, taken - from);
	/* What is kept would not be all. */
	if (server->kept.failed)
		server->is_kept = false;
}

/* --- whether it can be done --------------------------------------------------------------- */

/* How many requests of the segment the server had been sent, and how many ask for rows. */
struct tally {
	uint32_t requests;
	uint32_t executes;
	bool redefines;	   /* a name meant something else when it was used before */
	bool is_torn;	   /* the rest of the last one is still to come */
	bool describes;	   /* so the client will learn if the columns are others now ... */
	bool reads_binary; /* ... which it must, if it does not take texts */
};

/* The name of the statement in a Parse, Bind, or in a Describe or Close of one; false: in none. */
static bool find_statement(const struct message *message, struct reference *found)
{
	switch (message->letter) {
	case FRONTEND_PARSE:
		return reference_find(message, message->body, found);
	case FRONTEND_BIND:
		return reference_find(message, message->body, found) &&
		       reference_find(message, found->rest, found);
	case FRONTEND_DESCRIBE:
	case FRONTEND_CLOSE:
		return message->body_length > 1 && message->body[0] == 'S' &&
		       reference_find(message, message->body + 1, found);
	default:
		return false;
	}
}

/* A bit for each name, and for some others. */
static uint64_t bit_of(const struct reference *name)
{
	return UINT64_C(1) << hash_bytes(HASH_START, name->name, name->length) % 64;
}

/* In the replay a name means from the beginning what it meant at the end. */
static void tally_names(struct tally *tally, const struct message *message, uint64_t *used)
{
	struct reference name;

	if (!find_statement(message, &name))
		return;
	if (message->letter == FRONTEND_BIND || message->letter == FRONTEND_DESCRIBE)
		*used |= bit_of(&name);
	else
		tally->redefines |= (*used & bit_of(&name)) != 0;
}

static struct tally tally_kept(const struct writer *kept)
{
	struct tally tally = {0};
	struct message message;
	uint64_t used = 0;

	for (size_t at = 0; message_look(kept->data + at, kept->length - at, &message);
	     at += message.present) {
		bool counts = message.letter != FRONTEND_SYNC && message.letter != FRONTEND_FLUSH;
		tally.is_torn |= !message_is_whole(&message);
		if (tally.is_torn) /* its lengths say what is not there */
			break;
		tally.requests += counts;
		tally.executes += message.letter == FRONTEND_EXECUTE;
		tally.describes |=
			message.letter == FRONTEND_DESCRIBE || message.letter == FRONTEND_QUERY;
		tally_names(&tally, &message, &used);
		tally.reads_binary |= message.letter == FRONTEND_BIND && prepared_asks_for_binary(&message);
	}
	return tally;
}

/* The same of what the server still owes. False when there is more than this one segment. */
static bool tally_owed(const struct pipeline *pipeline, struct tally *tally)
{
	for (uint32_t i = 0; i < pipeline->count; i++) {
		unsigned char letter = pipeline_letter(pipeline_at(pipeline, i));
		bool is_last = i + 1 == pipeline->count;
		if (letter == FRONTEND_SYNC)
			return is_last;
		tally->executes += letter == FRONTEND_EXECUTE;
		tally->requests += pipeline_is_clients(letter);
		/* What follows these is run, error or not. */
		if (letter == FRONTEND_QUERY || letter == FRONTEND_FUNCTION_CALL)
			return is_last;
	}
	return true;
}

/* Of the error: that it is the statement's own, and not of something that it calls. */
static bool is_at_top(const struct message *message)
{
	return prepared_find_field(message, 'W') == NULL;
}

static bool is_plans_fault(const struct upstream *upstream, const struct message *message)
{
	const struct note *note = notes_at(&upstream->statements.notes, 0);

	if (!prepared_is_about_the_plan(message) || !is_at_top(message))
		return false;
	if (note->kind == NOTE_USE)
		return true;
	/* An EXECUTE of what the client has. */
	const struct client_statements *client = upstream->session->statements;
	const struct name *name =
		note->kind == NOTE_SQL && note->sql->effect == SQL_EXECUTE && note->sql->length > 0
			? names_find(&client->names, note->sql->name, note->sql->length)
			: NULL;
	return name != NULL && name->statement != NULL;
}

bool prepared_can_replay(struct upstream *upstream, const struct message *message)
{
	struct server_statements *server = &upstream->statements;
	const struct pipeline *pipeline = &upstream->pipeline;
	struct tally owed = {0};

	if (upstream->session == NULL || !server->is_kept || server->kept.length == 0 ||
	    server->was_replayed || pipeline->status != 'I' || pipeline->copying_in)
		return false;
	if (!is_plans_fault(upstream, message) || !tally_owed(pipeline, &owed))
		return false;
	struct tally kept = tally_kept(&server->kept);
	/* What was executed before has been undone by the error, but its rows are with the client. */
	if (kept.is_torn || kept.redefines || owed.executes != kept.executes || owed.requests > kept.requests ||
	    (kept.reads_binary && !kept.describes))
		return false;
	server->replay_answered = kept.requests - owed.requests;
	return true;
}

void prepared_want_replay(struct upstream *upstream, unsigned char asked)
{
	struct server_statements *server = &upstream->statements;
	bool is_describe = pipeline_letter(asked) == FRONTEND_DESCRIBE;

	server->replay_wanted = true;
	server->replay_begun = false;
	/* Only a Describe can have failed behind the half of its answer. */
	server->half_owed = server->half_described && is_describe;
	server->half_described = false;
	server->was_replayed = true;
	server->replay_at = 0;
}

bool prepared_told_parameters(struct upstream *upstream)
{
	struct server_statements *server = &upstream->statements;
	bool told = server->half_owed;

	server->half_owed = false;
	server->half_described = true;
	return told;
}

/* --- doing it ----------------------------------------------------------------------------- */

/* The server ignores everything up to a Sync, which the client has not sent. */
static bool end_skipping(struct prepared *prepared, const char **data, size_t *length)
{
	static const char sync[] = {FRONTEND_SYNC, 0, 0, 0, 4};

	*data = sync;
	*length = sizeof sync;
	return prepared_push(prepared, PIPELINE_OWN_SYNC);
}

static enum passage replay_message(struct prepared *prepared, const struct message *message)
{
	struct server_statements *server = server_of(prepared);
	bool is_request = message->letter != FRONTEND_SYNC && message->letter != FRONTEND_FLUSH;

	prepared->answered = is_request && server->replay_answered > 0;
	if (prepared->answered &&
	    (message->letter == FRONTEND_PARSE || message->letter == FRONTEND_CLOSE)) {
		server->replay_answered--;
		prepared_leave_out(prepared, message); /* what it did lasts */
		return PASSAGE_TAKEN;
	}
	if (!prepared_wants(prepared, message->letter))
		return taken_if(prepared_push(prepared, message->letter));
	enum passage passage = prepared_request(prepared, message);
	server->replay_answered -= passage == PASSAGE_TAKEN && prepared->answered;
	return passage;
}

bool prepared_replay(struct prepared *prepared, const char **data, size_t *length)
{
	struct server_statements *server = server_of(prepared);
	const struct pipeline *pipeline = &prepared->upstream->pipeline;
	const struct writer *kept = &server->kept;
	enum passage passage = PASSAGE_TAKEN;
	struct message message;

	*length = 0;
	if (pipeline->skipping && !server->replay_begun)
		return end_skipping(prepared, data, length);
	if (pipeline->count > 0)
		return true;
	prepared->waits = false;
	prepared->replaying = server->replay_begun = true;
	const char *from = kept->data + server->replay_at;
	size_t left = kept->length - server->replay_at;
	size_t taken = 0;
	prepared_offer(prepared, from, left, NULL);
	while (passage == PASSAGE_TAKEN && message_look(from + taken, left - taken, &message)) {
		passage = replay_message(prepared, &message);
		if (passage == PASSAGE_TAKEN)
			taken += message.present;
	}
	server->replay_at += taken;
	server->replay_wanted = taken < left;
	bool good = passage != PASSAGE_FAILED && passage != PASSAGE_INCOMPLETE &&
		    prepared_finish(prepared, taken, true, data, length);
	prepared->replaying = prepared->answered = false;
	return good;
}
