#include "daemon/goodbye.h"

#include <errno.h>
#include <string.h>

#include "daemon/relay/upstream.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "protocol/writer.h"

/* Whoever does not take the last words in this time does not want them. */
#define GOODBYE_LIMIT_US INT64_C(1000000)

static bool give_message(struct session *session, struct writer *writer,
			 bool (*give)(struct stream *stream, const void *data, size_t length),
			 struct failure *why)
{
	bool given = !writer->failed && give(&session->client, writer->data, writer->length);
	writer_release(writer);
	return given || failure_set(why, FAILURE_CLIENT_SEND_FAILED, strerror(errno));
}

bool send_message(struct session *session, struct writer *writer, struct failure *why)
{
	return give_message(session, writer, stream_send, why);
}

bool post_message(struct session *session, struct writer *writer, struct failure *why)
{
	return give_message(session, writer, stream_post, why);
}

bool send_ready(struct session *session, struct failure *why)
{
	struct writer writer;

	writer_init(&writer);
	write_ready_for_query(&writer, session->is_in_block ? 'T' : 'I');
	return send_message(session, &writer, why);
}

bool send_failure(struct session *session, struct failure *why)
{
	struct writer writer;

	if (session->worker->settings->log_pooler_errors)
		session_log(session, LEVEL_WARNING, "pooler error: %s", why->message);
	writer_init(&writer);
	write_failure(&writer, why);
	return send_message(session, &writer, why);
}

/* A client that has said goodbye, or has only sent a cancel request. */
static bool expects_no_word(const struct failure *why)
{
	return why->kind == FAILURE_CLIENT_SAID_GOODBYE || why->kind == FAILURE_CANCEL_WAIT_TIMEOUT;
}

static bool is_lost(const struct failure *why)
{
	return why->kind == FAILURE_CLIENT_GONE || why->kind == FAILURE_CLIENT_SAID_NOTHING ||
	       why->kind == FAILURE_CLIENT_SEND_FAILED;
}

static bool hears_no_word(const struct failure *why)
{
	return is_lost(why) || expects_no_word(why);
}

/* In the middle of a message of the server's an error would be taken for a part of it. */
static bool is_between_messages(const struct session *session)
{
	return session->upstream == NULL || session->upstream->left == 0;
}

/* How long it has taken, and how long it may, unless whoever found out has told so. */
static void add_figures(const struct session *session, struct failure *why)
{
	const struct settings *settings = session->worker->settings;
	int64_t now = loop_now();

	if (why->detail[0] != '\0')
		return;
	if (why->kind == FAILURE_CLIENT_IDLE)
		failure_limit(why, "The client was idle for", now - session->rests_since,
			      "client_idle_timeout",
			      settings_client_idle_timeout_us(settings, session_user(session)));
	else if (why->kind == FAILURE_LOGIN_TIMEOUT)
		failure_limit(why, "The client has not logged in for", now - session->accepted_at,
			      "client_login_timeout", settings->client_login_timeout_us);
	else if (why->kind == FAILURE_SUSPEND_TIMEOUT)
		failure_detail(why, "suspend_timeout is %g s.",
			       (double)settings->suspend_timeout_us / 1e6);
}

/* Monitors look all the time whether somebody is there. */
static void log_end(struct session *session, const struct failure *why)
{
	enum log_level level =
		why->kind == FAILURE_CLIENT_SAID_NOTHING ? LEVEL_DEBUG : LEVEL_LOG;

	if (!session->worker->settings->log_disconnections)
		return;
	session_log(session, level, "closing because: %s (age=%llds)", why->message,
		    (long long)((loop_now() - session->accepted_at) / 1000000));
}

void say_goodbye(struct session *session, struct failure *why)
{
	struct stream *client = &session->client;
	bool reaches = !hears_no_word(why);

	log_end(session, why);
	add_figures(session, why);
	if (reaches && !why->told && is_between_messages(session))
		reaches = send_failure(session, why);
	/* Whoever waits for the end of the connection sees it at once. */
	if (reaches && !stream_has_unsent(client))
		stream_end_sending(client);
}

void await_hang_up(struct session *session, const struct failure *why)
{
	struct stream *client = &session->client;
	int64_t deadline = loop_now() + GOODBYE_LIMIT_US;
	bool waits = !session->worker->ending && !is_lost(why);

	if (waits && await_sent(client, deadline) && !expects_no_word(why)) {
		stream_end_sending(client);
		await_end_of_stream(client, deadline);
	}
	stream_close(client);
}
