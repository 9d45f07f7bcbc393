/* What a server says: its replies are noted, and what is for the client is found. */
#include "daemon/relay/upstream.h"

#include <string.h>

#include "daemon/relay/reported.h"
#include "daemon/relay/tag.h"
#include "daemon/relay/unreported.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/pool.h"
#include "protocol/message.h"
#include "protocol/writer.h"

/* What is for the client so far: in the bytes that were read, or, once something had to be added, in
 * the worker's writer. */
struct sieve {
	struct writer *added; /* NULL: nothing was */
	char *start;
	char *out;
	size_t rest; /* see struct sifted */
	bool in_block;
};

static size_t passed(const struct sieve *sieve)
{
	return sieve->added == NULL ? (size_t)(sieve->out - sieve->start) : sieve->added->length;
}

static void pass(struct sieve *sieve, const char *from, size_t length)
{
	if (sieve->added != NULL)
		write_bytes(sieve->added, from, length);
	else if (sieve->out != from)
		memmove(sieve->out, from, length);
	sieve->out += length;
}

/* Where something can be added behind what has been passed. */
static struct writer *add_to(struct sieve *sieve, struct upstream *upstream)
{
	if (sieve->added == NULL) {
		sieve->added = &upstream->worker->replies;
		writer_reuse(sieve->added);
		write_bytes(sieve->added, sieve->start, (size_t)(sieve->out - sieve->start));
	}
	return sieve->added;
}

static bool is_noted(const struct upstream *upstream)
{
	return (pipeline_head(&upstream->pipeline) & PIPELINE_NOTED) != 0;
}

/* What was not sent is answered before what was sent behind it. */
static void answer_own(struct upstream *upstream, struct sieve *sieve)
{
	struct pipeline *pipeline = &upstream->pipeline;
	unsigned char letter;

	while ((letter = pipeline_answer_own(pipeline)) != 0) {
		struct writer *out = add_to(sieve, upstream);
		write_empty(out, (char)letter);
		if (pipeline->noted > 0)
			prepared_note_outcome(upstream, false, letter);
	}
}

/* Messages that are looked into; the others pass in pieces. */
static bool must_be_whole(const struct upstream *upstream, const struct message *message)
{
	switch (message->letter) {
	case BACKEND_READY_FOR_QUERY:
	case BACKEND_PARAMETER_STATUS:
	case BACKEND_COMMAND_COMPLETE:
		return true;
	case BACKEND_PARAMETER_DESCRIPTION:
	case BACKEND_ROW_DESCRIPTION:
		return message->body_length <= LOOKED_AT_BYTES && is_noted(upstream);
	case BACKEND_ERROR:
		return pipeline_runs_own_query(&upstream->pipeline) ||
		       (message->body_length <= LOOKED_AT_BYTES && is_noted(upstream));
	default:
		return false;
	}
}

/* What a reply means by itself. */
static void note_meaning(struct upstream *upstream, const struct message *message)
{
	const char *body = message->body;

	switch (message->letter) {
	case BACKEND_COMMAND_COMPLETE:
		if (message->body_length > 0 && body[message->body_length - 1] == '\0')
			tag_note(upstream, body);
		upstream->has_rows = false;
		break;
	case BACKEND_DATA_ROW:
		upstream->has_rows = true;
		break;
	case BACKEND_BIND_COMPLETE:
		upstream->has_rows = false;
		break;
	case BACKEND_PORTAL_SUSPENDED:
		lone_set_spoil(&upstream->lone_set);
		break;
	case BACKEND_FUNCTION_RESULT:
		unreported_note_call(upstream);
		break;
	case BACKEND_PARAMETER_DESCRIPTION:
		prepared_note_parameters(upstream, message);
		break;
	case BACKEND_ROW_DESCRIPTION:
	case BACKEND_NO_DATA:
		upstream->statements.half_described = false;
		upstream->has_rows = message->letter == BACKEND_ROW_DESCRIPTION; /* they follow in one piece */
		prepared_note_shape(upstream, message);
		break;
	default:
		break;
	}
}

/* What a request meant for its client's wishes, which is told in front of the ReadyForQuery. */
static bool note_wishes(struct upstream *upstream, struct sieve *sieve,
			bool (*note)(struct upstream *upstream, struct writer *told))
{
	struct writer told;

	writer_init(&told);
	bool noted = note(upstream, &told);
	if (told.length > 0)
		write_bytes(add_to(sieve, upstream), told.data, told.length);
	writer_release(&told);
	return noted;
}

/* Whether the client has another error in place of the server's, or none; `again`: what failed will be done
 * again. */
static bool is_replaced(struct upstream *upstream, const struct message *message, bool again,
			struct sieve *sieve)
{
	return !again && (prepared_keep_error(upstream, message) ||
			  prepared_rewrite_error(upstream, message, add_to(sieve, upstream)));
}

static bool note_error(struct upstream *upstream, const struct message *message,
		       struct sieve *sieve, bool *for_client)
{
	struct pipeline *pipeline = &upstream->pipeline;
	unsigned char asked = pipeline_head(pipeline);
	bool looked_at = (asked & PIPELINE_NOTED) != 0 && message_is_whole(message);

	if (looked_at)
		prepared_look_at_error(upstream, message);
	bool again = looked_at && prepared_can_replay(upstream, message);
	bool replaced = looked_at && is_replaced(upstream, message, again, sieve);
	enum reply reply = pipeline_reply(pipeline, message->letter, 0);
	if (again) {
		pipeline_take_ready(pipeline);
		prepared_want_replay(upstream, asked);
	}
	prepared_note_outcome(upstream, true, asked);
	lone_set_spoil(&upstream->lone_set);
	*for_client = reply == REPLY_FORWARD && !again && !replaced;
	upstream->said_error = *for_client;
	if (asked == PIPELINE_OWN_QUERY) {
		failure_from_server(&upstream->own_failure, FAILURE_PARAMETERS_FAILED,
				    message->body, message->body_length);
		/* Whoever is there to be told of it. */
		parameters_assign(&upstream->server->applied, NULL);
	}
	return reply != REPLY_WRONG;
}

/* Notes in the pipeline any other reply, and what its outcome means to prepared statements. */
static enum reply note_reply(struct upstream *upstream, unsigned char letter, char status)
{
	enum reply reply = pipeline_reply(&upstream->pipeline, letter, status);

	if (upstream->pipeline.noted > 0)
		prepared_note_outcome(upstream, false, 0);
	return reply;
}

static bool note_ready(struct upstream *upstream, const struct message *message,
		       struct sieve *sieve, bool *for_client)
{
	bool is_own_query = pipeline_runs_own_query(&upstream->pipeline);

	if (message->body_length != 1)
		return false;
	enum reply reply = note_reply(upstream, message->letter, message->body[0]);
	if (upstream->pipeline.status == 'I')
		tag_note_end(upstream);
	*for_client = reply == REPLY_FORWARD;
	upstream->ready_count += *for_client;
	upstream->has_rows = false;
	if ((upstream->has_reset || upstream->returned != NULL) &&
	    !note_wishes(upstream, sieve, reported_note_reset))
		return false;
	sieve->in_block |= upstream->pipeline.status != 'I';
	if (*for_client && !sieve->in_block)
		sieve->rest = passed(sieve) + message->present;
	return reply != REPLY_WRONG && (*for_client || !is_own_query ||
					note_wishes(upstream, sieve, reported_note_applied));
}

/*
 * Whether a notification is for the client. A LISTEN that a function ran is not seen: then it may be what an
 * earlier client has asked for.
 */
static bool is_asked_for(struct upstream *upstream)
{
	const struct session *session = upstream->session;

	if (session != NULL && upstream->listens)
		return true;
	upstream->overhears = true;
	return session != NULL && pool_share_mode(session->share) == POOL_SESSION;
}

/* Notes one message, in the pipeline and for what it means; false when it breaks the protocol. */
static bool note_message(struct upstream *upstream, const struct message *message,
			 struct sieve *sieve, bool *for_client)
{
	if (message->letter == BACKEND_ERROR)
		return note_error(upstream, message, sieve, for_client);
	upstream->said_error = false;
	if (message->letter == BACKEND_READY_FOR_QUERY)
		return note_ready(upstream, message, sieve, for_client);
	note_meaning(upstream, message);
	enum reply reply = note_reply(upstream, message->letter, 0);
	*for_client = reply == REPLY_FORWARD;
	if (message->letter == BACKEND_PARAMETER_DESCRIPTION && *for_client)
		*for_client = !prepared_told_parameters(upstream);
	if (message->letter == BACKEND_NOTIFICATION)
		*for_client = is_asked_for(upstream);
	if (message->letter == BACKEND_PARAMETER_STATUS)
		return reported_note(upstream, message, !*for_client);
	return reply != REPLY_WRONG;
}

/* The rest of a message that began in an earlier read. */
static size_t take_left(struct upstream *upstream, size_t length)
{
	size_t taken = upstream->left < length ? upstream->left : length;
	upstream->left -= taken;
	return taken;
}

/* Rows come by the thousand: those behind a row, or behind the client's description of them, go with it as
 * one piece. */
static size_t rows_that_follow(const struct upstream *upstream, const struct message *message,
			       bool for_client, const char *data, size_t length)
{
	switch (message->letter) {
	case BACKEND_ROW_DESCRIPTION:
		if (!for_client || !pipeline_has_clients_rows(&upstream->pipeline))
			return 0;
		return message_run(data, length, BACKEND_DATA_ROW);
	case BACKEND_DATA_ROW:
	case BACKEND_COPY_OUT_DATA:
		return message_run(data, length, message->letter);
	default:
		return 0;
	}
}

static bool finish(const struct sieve *sieve, struct sifted *sifted)
{
	const struct writer *added = sieve->added;

	sifted->data = added == NULL ? sieve->start : added->data;
	sifted->length = passed(sieve);
	sifted->rest = sieve->rest;
	sifted->in_block = sieve->in_block;
	return added == NULL || !added->failed;
}

bool upstream_sift(struct upstream *upstream, char *data, size_t length, struct sifted *sifted)
{
	char *at = data;
	char *end = data + length;
	struct sieve sieve = {.start = data, .out = data};
	struct message message;

	if (upstream->left > 0) {
		at += take_left(upstream, length);
		sieve.out = upstream->left_is_own ? data : at;
	}
	sieve.rest = passed(&sieve);
	while (message_look(at, (size_t)(end - at), &message)) {
		bool whole = message_is_whole(&message);
		bool for_client;

		if (upstream->pipeline.silent > 0)
			answer_own(upstream, &sieve);
		if (backend_message_check(&message) != MESSAGE_GOOD)
			return false;
		if (!whole && must_be_whole(upstream, &message)) {
			if (message.body_length > LOOKED_AT_BYTES)
				return false;
			break;
		}
		if (!note_message(upstream, &message, &sieve, &for_client))
			return false;
		size_t taken = message.present;
		taken += rows_that_follow(upstream, &message, for_client, at + taken,
					  (size_t)(end - at) - taken);
		if (for_client)
			pass(&sieve, at, taken);
		at += taken;
		if (!whole) {
			upstream->left = message.body_length + MESSAGE_HEADER_BYTES - message.present;
			upstream->left_is_own = !for_client;
		}
	}
	if (upstream->pipeline.silent > 0 && upstream->left == 0)
		answer_own(upstream, &sieve);
	return finish(&sieve, sifted) && stream_keep(&upstream->stream, at, (size_t)(end - at));
}

bool upstream_answer_own(struct upstream *upstream, struct sifted *sifted)
{
	const struct pipeline *pipeline = &upstream->pipeline;
	struct sieve sieve = {0};

	*sifted = (struct sifted){0};
	if (pipeline->silent == 0 || pipeline->silent < pipeline->count || upstream->left > 0)
		return true;
	answer_own(upstream, &sieve);
	return finish(&sieve, sifted);
}
