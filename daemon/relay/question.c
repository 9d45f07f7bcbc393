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

/* Any number of notifications may come in front of an answer, none of which is long. An answer is: each value of a
 * parameter may be as long as can follow a client. */
#define ENOUGH_BYTES ((size_t)64 * 1024)
#define LONGEST_ANSWER_BYTES ((size_t)16 * 1024 * 1024)

static bool tell_client(struct session *session, const struct message *message)
{
	stats_count(&session->share->stats.sent, message->present);
	return stream_send(&session->client, message->start, message->present);
}

/* What is whole is taken out of the replies: rows go to `rows`, and what is for the client to it. */
static bool sort_out(struct session *session, struct writer *replies, struct writer *rows)
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
	replies->length = (size_t)(end - at);
	memmove(replies->data, at, replies->length);
	return true;
}

/* A client that does not take what it is told is waited for, as in a conversation of its own. */
static bool await_sorted(struct session *session, struct writer *replies, struct writer *rows,
			 struct failure *why)
{
	struct stream *client = &session->client;

	if (replies->length == 0 ||
	    (sort_out(session, replies, rows) &&
	     (!upstream_owes(session->upstream) || !stream_has_unsent(client) ||
	      await_sent(client, DEADLINE_NEVER))))
		return !rows->failed || failure_set(why, FAILURE_NO_MEMORY);
	return failure_set(why, session_end_reason(session, FAILURE_CLIENT_SEND_FAILED),
			   strerror(errno));
}

static bool await_replies(struct session *session, struct writer *rows, struct failure *why)
{
	int64_t limit = session->worker->settings->server_connect_timeout_us;
	struct upstream *upstream = session->upstream;
	struct writer replies;
	bool good = true;

	writer_init(&replies);
	while (good && upstream_owes(upstream)) {
		good = (replies.length <= LONGEST_ANSWER_BYTES &&
			rows->length <= LONGEST_ANSWER_BYTES &&
			upstream_collect_some(upstream, &replies, replies.length + ENOUGH_BYTES,
					      deadline_after(limit))) ||
		       failure_set(why, session_end_reason(session, FAILURE_SERVER_GONE));
		good = good && await_sorted(session, &replies, rows, why);
	}
	writer_release(&replies);
	return good;
}

bool await_question(struct session *session, const char *sql, struct writer *rows,
		    struct failure *why)
{
	session->upstream->statements.unnamed_session = 0; /* a Query drops it */
	if (!upstream_ask(session->upstream, FRONTEND_QUERY, sql))
		return failure_set(why, session_end_reason(session, FAILURE_SERVER_GONE));
	return await_replies(session, rows, why);
}
