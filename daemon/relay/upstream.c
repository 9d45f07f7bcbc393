#include "daemon/relay/upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/cancel.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/runtime/tls.h"
#include "daemon/session.h"
#include "daemon/tcp.h"
#include "daemon/worker.h"
#include "pool/pool.h"
#include "protocol/message.h"
#include "protocol/writer.h"

/* At most so much of the replies to our own query is for its client: parameters and notifications. */
#define LONGEST_REPLIES ((size_t)1024 * 1024)
/* After so many the others have their turn. */
#define READS_IN_A_ROW 8

static void upstream_spoke(struct stream *stream);

struct upstream *upstream_new(struct worker *worker, struct server *server)
{
	struct upstream *upstream = calloc(1, sizeof *upstream);
	if (upstream == NULL)
		return NULL;
	upstream->worker = worker;
	upstream->server = server;
	pipeline_init(&upstream->pipeline);
	tcp_set_buffers(server_socket(server), worker->settings);
	stream_init(&upstream->stream, &worker->loop, server_socket(server), upstream_spoke);
	if (server_ssl(server) != NULL && !tls_adopt(&upstream->stream, server_ssl(server))) {
		free(upstream);
		return NULL;
	}
	parameters_assign(&upstream->touched, parameters_empty(worker->pools->parameters));
	server->upstream = upstream;
	return upstream;
}

void upstream_free(struct upstream *upstream)
{
	cancels_forget(upstream->cancels);
	stream_send_posted(&upstream->stream);
	/* libpq's own goodbye must not be taken for the rest of half a message. */
	if (upstream->torn || stream_has_unsent(&upstream->stream))
		shutdown(upstream->stream.fd, SHUT_RDWR);
	upstream->server->upstream = NULL;
	pipeline_release(&upstream->pipeline);
	server_statements_release(&upstream->statements);
	parameters_drop(upstream->returned);
	parameters_drop(upstream->touched);
	stream_release(&upstream->stream); /* the socket is libpq's */
	free(upstream);
}

void upstream_move(struct upstream *upstream, struct worker *to)
{
	stream_move(&upstream->stream, &to->loop);
	upstream->worker = to;
}

/* --- queries of the pooler's own ---------------------------------------------------------- */

static bool connection_failed(struct failure *why)
{
	failure_set(why, FAILURE_SERVER_GONE);
	if (errno != 0)
		failure_detail(why, "%s", strerror(errno));
	return false;
}

bool upstream_owes(const struct upstream *upstream)
{
	return upstream->pipeline.count > 0 || upstream->left > 0;
}

/* The scratch buffer, which is everybody's, keeps nothing that may be a secret. */
static bool collect(struct upstream *upstream, char *data, size_t length, struct writer *replies,
		    size_t longest)
{
	struct sifted sifted;
	bool good = upstream_sift(upstream, data, length, &sifted);
	bool fits = good && (replies == NULL || replies->length + sifted.length <= longest);
	if (fits && replies != NULL)
		write_bytes(replies, sifted.data, sifted.length);
	explicit_bzero(data, length);
	return fits && (replies == NULL || !replies->failed);
}

static bool has_enough(const struct writer *replies, size_t enough)
{
	return replies != NULL && replies->length >= enough;
}

/* Until there is enough, or nothing is owed. */
static bool collect_some(struct upstream *upstream, struct writer *replies, size_t longest,
			 size_t enough, int64_t deadline)
{
	struct stream *stream = &upstream->stream;

	for (unsigned reads = 1; upstream_owes(upstream) && !has_enough(replies, enough); reads++) {
		char *data;
		/* A server that never comes to an end has its time as well. */
		if (reads % READS_IN_A_ROW == 0 && !await_others_until(stream->loop, deadline))
			return false;
		if ((pipeline_wants_copy(&upstream->pipeline) &&
		     !upstream_ask(upstream, FRONTEND_COPY_FAIL, "nobody has anything to copy")) ||
		    !stream_flush(stream))
			return false;
		ssize_t length = stream_read(stream, &data);
		if (length == 0 || (length < 0 && errno != EAGAIN))
			return false;
		if (length > 0 && !collect(upstream, data, (size_t)length, replies, longest))
			return false;
		if (length < 0 && !await_readable(stream, deadline))
			return false;
	}
	return true;
}

bool upstream_collect(struct upstream *upstream, struct writer *replies, size_t longest,
		      int64_t deadline)
{
	return collect_some(upstream, replies, longest, SIZE_MAX, deadline);
}

bool upstream_collect_some(struct upstream *upstream, struct writer *replies, size_t enough,
			   int64_t deadline)
{
	return collect_some(upstream, replies, SIZE_MAX, enough, deadline);
}

bool upstream_ask(struct upstream *upstream, unsigned char letter, const char *text)
{
	struct writer writer;

	writer_init(&writer);
	message_begin(&writer, letter == PIPELINE_OWN_QUERY ? FRONTEND_QUERY : (char)letter);
	if (text != NULL)
		write_text(&writer, text);
	message_end(&writer);
	bool sent = !writer.failed && pipeline_request(&upstream->pipeline, letter) &&
		    stream_send(&upstream->stream, writer.data, writer.length);
	writer_release(&writer);
	return sent;
}

bool upstream_query_for(struct upstream *upstream, const char *sql, struct writer *replies,
			struct failure *why, int64_t deadline)
{
	upstream->pipeline.own_failed = false;
	upstream->statements.unnamed_session = 0; /* a Query drops it */
	if (!upstream_ask(upstream, PIPELINE_OWN_QUERY, sql) ||
	    !upstream_collect(upstream, replies, LONGEST_REPLIES, deadline))
		return connection_failed(why);
	if (upstream->pipeline.own_failed)
		*why = upstream->own_failure;
	return !upstream->pipeline.own_failed;
}

bool upstream_query(struct upstream *upstream, const char *sql, struct failure *why,
		    int64_t deadline)
{
	if (!upstream_query_for(upstream, sql, NULL, why, deadline))
		return false;
	return pipeline_is_idle(&upstream->pipeline) || failure_set(why, FAILURE_LEFT_OPEN);
}

/* --- speaking of its own accord ----------------------------------------------------------- */

const char *upstream_read_at_rest(struct upstream *upstream)
{
	bool good = !upstream->said_error && !upstream->overhears; /* behind the last reply */
	struct sifted ignored;
	char *data;

	for (unsigned reads = 0; good && stream_has_news(&upstream->stream); reads++) {
		ssize_t length = stream_read(&upstream->stream, &data);
		if (length < 0 && errno == EAGAIN)
			break;
		if (length <= 0)
			return "server conn crashed?";
		good = upstream_sift(upstream, data, (size_t)length, &ignored) &&
		       !upstream->said_error && !upstream->overhears && reads < READS_IN_A_ROW;
		/* What began at rest is nobody's, even if its end comes in somebody's time. */
		upstream->left_is_own = true;
	}
	return good ? NULL : "idle server got dirty";
}

static void upstream_spoke(struct stream *stream)
{
	struct upstream *upstream = (struct upstream *)stream;
	struct server *server = upstream->server;

	if (upstream->session != NULL) {
		session_wake(upstream->session);
		return;
	}
	/* While it is looked at nobody may have it. If somebody has, that one will look. */
	if (!pool_take_aside(server))
		return;
	const char *reason = upstream_read_at_rest(upstream);
	if (reason != NULL)
		pool_discard(&server, reason, loop_now());
	else
		pool_put_back(server, loop_now());
}
