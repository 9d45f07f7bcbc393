#include "daemon/relay/replicate.h"

#include <errno.h>
#include <string.h>

#include "daemon/relay/upstream.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "protocol/message.h"

bool replication_is_asked_for(const struct startup *startup, struct replication *replication)
{
	const char *cursor = startup->parameters, *name, *value;

	if (startup->replication == REPLICATION_NONE)
		return false;
	*replication = (struct replication){.mode = startup->replication,
					    .options = (char *)startup->options};
	while (startup_next(&cursor, &name, &value)) {
		if (strcmp(name, "application_name") == 0)
			replication->application_name = (char *)value;
		else if (strcmp(name, "client_encoding") == 0)
			replication->client_encoding = (char *)value;
	}
	return true;
}

/* --- two pumps ----------------------------------------------------------------------------- */

struct pump {
	struct stream *from, *to;
	uint64_t *counter;
	char last[MESSAGE_HEADER_BYTES]; /* bytes that went through */
};

static void note_last(struct pump *pump, const char *data, size_t length)
{
	size_t size = sizeof pump->last;

	if (length >= size) {
		memcpy(pump->last, data + length - size, size);
		return;
	}
	memmove(pump->last, pump->last + length, size - length);
	memcpy(pump->last + size - length, data, length);
}

enum pumped {
	PUMPED_SOMETHING,
	PUMPED_NOTHING, /* neither side could move */
	SOURCE_ENDED,
	TARGET_ENDED,
};

static enum pumped pump(struct pump *pump, bool reads)
{
	char *data;

	if (!stream_flush(pump->to))
		return TARGET_ENDED;
	if (!reads || stream_has_unsent(pump->to))
		return PUMPED_NOTHING;
	ssize_t length = stream_read(pump->from, &data);
	if (length < 0 && errno == EAGAIN)
		return PUMPED_NOTHING;
	if (length <= 0)
		return SOURCE_ENDED;
	stream_expect_more(pump->from);
	note_last(pump, data, (size_t)length);
	stats_count(pump->counter, (uint64_t)length);
	return stream_send(pump->to, data, (size_t)length) ? PUMPED_SOMETHING : TARGET_ENDED;
}

static bool client_ended(const struct pump *requests, struct failure *why)
{
	bool said = memcmp(requests->last, message_terminate, sizeof message_terminate) == 0;

	return failure_set(why, said ? FAILURE_CLIENT_SAID_GOODBYE : FAILURE_CLIENT_GONE);
}

/* Whatever the server wanted to say has been passed on. */
static bool server_ended(const struct pump *requests, struct failure *why)
{
	client_ended(requests, why);
	if (why->kind != FAILURE_CLIENT_SAID_GOODBYE)
		failure_set(why, FAILURE_SERVER_GONE);
	why->told = true;
	return false;
}

/* What has been taken off its socket before SUSPEND goes on. */
static bool may_read_client(const struct session *session)
{
	return session->worker->suspension == NOT_SUSPENDED || stream_is_ahead(&session->client);
}

static bool await_movement(struct session *session, const struct pump *requests,
			   const struct pump *replies, struct failure *why)
{
	bool reads_client = !stream_has_unsent(requests->to);
	bool reads_server = !stream_has_unsent(replies->to);

	session->is_mid_turn = true;
	bool moved = await_either(requests->from,
				  reads_client && may_read_client(session),
				  replies->from,
				  reads_server && session->worker->suspension != SUSPENDED,
				  DEADLINE_NEVER);
	session->is_mid_turn = false;
	if (moved || errno == EINTR)
		return true;
	return failure_set(why, session_end_reason(session, FAILURE_NO_MEMORY));
}

bool await_replicated(struct session *session, struct failure *why)
{
	struct stream *client = &session->client, *server = &session->upstream->stream;
	struct stats *stats = &session->share->stats;
	struct pump requests = {.from = client, .to = server, .counter = &stats->received};
	struct pump replies = {.from = server, .to = client, .counter = &stats->sent};
	int rounds = 0;

	for (;;) {
		enum pumped back = pump(&replies, session->worker->suspension != SUSPENDED);
		if (back == SOURCE_ENDED)
			return server_ended(&requests, why);
		if (back == TARGET_ENDED)
			return client_ended(&requests, why);
		enum pumped forth = pump(&requests, may_read_client(session));
		if (forth == SOURCE_ENDED)
			return client_ended(&requests, why);
		if (forth == TARGET_ENDED)
			return server_ended(&requests, why);
		if (back == PUMPED_NOTHING && forth == PUMPED_NOTHING) {
			rounds = 0;
			if (!await_movement(session, &requests, &replies, why))
				return false;
		} else if (++rounds >= ROUNDS_IN_A_ROW) {
			rounds = 0;
			if (!await_others(client->loop))
				return failure_set(why, session->killed);
		}
	}
}
