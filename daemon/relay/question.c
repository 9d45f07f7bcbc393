#include "daemon/relay/question.h"

#include <errno.h>
#include <string.h>

#include "conf/settings.h"
#include "daemon/relay/upstream.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/pool.h"
#include "protocol/message.h"
#include "protocol/writer.h"

/* Our answers are short; what else may come are notifications. */
#define ANSWER_BYTES ((size_t)1024 * 1024)

static bool tell_client(struct session *session, const struct message *message)
{
	stats_count(&session->share->stats.sent, message->present);
	return stream_send(&session->client, message->start, message->present);
}

static bool sort_out(struct session *session, const struct writer *replies, struct writer *rows)
{
	const char *at = replies->data;
	const char *end = at + replies->length;
	struct message message;

	while (message_look(at, (size_t)(end - at), &message) && message_is_whole(&message)) {
		switch (message.letter) {
		case BACKEND_DATA_ROW:
			write_bytes(rows, at, message.present);
			break;
		case BACKEND_NOTICE:
		case BACKEND_NOTIFICATION:
		case BACKEND_PARAMETER_STATUS:
			if (!tell_client(session, &message))
				return false;
			break;
		default:
			break;
		}
		at += message.present;
	}
	return true;
}

bool await_question(struct session *session, const char *sql, struct writer *rows,
		    struct failure *why)
{
	struct upstream *upstream = session->upstream;
	int64_t limit = session->worker->settings->server_connect_timeout_us;
	struct writer replies;

	writer_init(&replies);
	upstream->statements.unnamed_session = 0; /* a Query drops it */
	bool answered = upstream_ask(upstream, FRONTEND_QUERY, sql) &&
			upstream_collect(upstream, &replies, ANSWER_BYTES, deadline_after(limit));
	if (!answered)
		failure_set(why, session_end_reason(session, FAILURE_SERVER_GONE));
	else if (!sort_out(session, &replies, rows))
		answered = failure_set(why, FAILURE_CLIENT_SEND_FAILED, strerror(errno));
	else if (rows->failed)
		answered = failure_set(why, FAILURE_NO_MEMORY);
	writer_release(&replies);
	return answered;
}
