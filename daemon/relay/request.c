#include "daemon/relay/request.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "daemon/goodbye.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "protocol/message.h"

/* A request longer than this gets its server before it is complete. */
#define WAIT_FOR_WHOLE_BYTES ((size_t)16 * 1024)

/* When no server is free the request will have to be kept, so only a little is read. */
static size_t most_to_read(const struct session *session)
{
	return pool_seems_free(session->pool) ? SIZE_MAX : WAIT_FOR_WHOLE_BYTES;
}

static ssize_t read_client(struct session *session, char **data, struct failure *why)
{
	ssize_t length = stream_read_some(&session->client, data, most_to_read(session));

	if (length == 0)
		failure_set(why, FAILURE_CLIENT_GONE);
	else if (length < 0 && errno != EAGAIN)
		failure_set(why, FAILURE_CLIENT_SEND_FAILED, strerror(errno));
	else if (length > 0)
		stats_count(&session->share->stats.received, (uint64_t)length);
	return length;
}

/*
 * After a COPY has failed, the client may still be sending for it; as a server would, drop that
 * (PostgreSQL manual, "COPY Operations"). Answers how much of the data that is.
 */
static size_t drop_late_copy(struct session *session, const char *data, size_t length)
{
	struct message message;
	size_t at = session->stray_bytes < length ? session->stray_bytes : length;

	session->stray_bytes -= at;
	while (message_look(data + at, length - at, &message) && message_is_of_copy(message.letter) &&
	       frontend_message_check(&message, SIZE_MAX) == MESSAGE_GOOD) {
		at += message.present;
		session->stray_bytes =
			message.body_length + MESSAGE_HEADER_BYTES - message.present;
	}
	return at;
}

bool request_check(const struct message *message, size_t max_bytes, struct failure *why)
{
	switch (frontend_message_check(message, max_bytes)) {
	case MESSAGE_UNKNOWN:
		return failure_set(why, FAILURE_BAD_MESSAGE_TYPE, message->letter);
	case MESSAGE_BAD_LENGTH:
		return failure_set(why, FAILURE_BAD_MESSAGE_LENGTH);
	default:
		return message->letter != FRONTEND_TERMINATE ||
		       failure_set(why, FAILURE_CLIENT_SAID_GOODBYE);
	}
}

static bool keep_incomplete(struct session *session, const char *data, size_t length,
			    struct failure *why)
{
	if (length > 0 || session->stray_bytes > 0)
		stream_expect_more(&session->client);
	return stream_keep(&session->client, data, length) || failure_set(why, FAILURE_NO_MEMORY);
}

bool request_read(struct session *session, char **data, size_t *length, struct failure *why)
{
	size_t max_bytes = (size_t)session->worker->settings->max_packet_size;
	struct message message;

	*length = 0;
	ssize_t got = read_client(session, data, why);
	if (got <= 0)
		return got < 0 && errno == EAGAIN;
	size_t dropped = drop_late_copy(session, *data, (size_t)got);
	size_t left = (size_t)got - dropped;
	*data += dropped;
	if (!message_look(*data, left, &message))
		return keep_incomplete(session, *data, left, why);

	if (!request_check(&message, max_bytes, why))
		return false;
	if (!message_is_whole(&message) && left < WAIT_FOR_WHOLE_BYTES)
		return keep_incomplete(session, *data, left, why);
	*length = left;
	return true;
}

/* Finds the end of the request, or as much of it as is there. */
static bool find_end(const char *data, size_t length, size_t *at_end, size_t *left, bool *ended,
		     struct failure *why)
{
	struct message message;
	size_t at = *left < length ? *left : length;

	*left -= at;
	while (*left == 0 && !*ended && message_look(data + at, length - at, &message)) {
		if (!request_check(&message, SIZE_MAX, why))
			return false;
		*ended = message.letter == FRONTEND_QUERY || message.letter == FRONTEND_SYNC ||
			 message.letter == FRONTEND_FUNCTION_CALL;
		at += message.present;
		*left = message.body_length + MESSAGE_HEADER_BYTES - message.present;
	}
	*at_end = at;
	return true;
}

bool await_request_refused(struct session *session, char *data, size_t length,
			   struct failure *why)
{
	struct stream *client = &session->client;
	size_t left = 0;
	bool ended = false;
	unsigned rounds = 0;

	if (!send_failure(session, why))
		return false;
	for (;;) {
		size_t at;
		if (!find_end(data, length, &at, &left, &ended, why))
			return false;
		bool done = ended && left == 0;
		bool kept = done ? stream_put_back(client, data + at, length - at) :
				   stream_keep(client, data + at, length - at);
		if (!kept)
			return failure_set(why, FAILURE_NO_MEMORY);
		if (done)
			return send_ready(session, why);
		/* Another wait may have taken the news of it. */
		if (session->killed != FAILURE_NONE)
			return failure_set(why, session->killed);
		bool is_others_turn = ++rounds % ROUNDS_IN_A_ROW == 0;
		if ((is_others_turn && !await_others(client->loop)) ||
		    !await_readable(client, DEADLINE_NEVER))
			return failure_set(why, session->killed);
		ssize_t got = read_client(session, &data, why);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			return false;
		length = got > 0 ? (size_t)got : 0;
	}
}
