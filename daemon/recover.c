#include "daemon/recover.h"

#include <stddef.h>

#include "daemon/cancel.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/upstream.h"
#include "daemon/worker.h"
#include "pool/pool.h"
#include "protocol/message.h"

/* A server that does not get well in this time is closed. */
#define RECOVERY_LIMIT_US INT64_C(5000000)

static bool send_request(struct upstream *upstream, unsigned char letter)
{
	/* Sync; or CopyFail, with an empty reason. */
	char message[] = {(char)letter, 0, 0, 0, 4, 0};
	size_t length = MESSAGE_HEADER_BYTES;

	if (letter == FRONTEND_COPY_FAIL) {
		message[4] = 5;
		length++;
	}
	return pipeline_request(&upstream->pipeline, letter) &&
	       stream_send(&upstream->stream, message, length);
}

/* Ends what the client has begun, so that the server comes to owe nothing. */
static bool await_settled(struct upstream *upstream, int64_t deadline)
{
	struct pipeline *pipeline = &upstream->pipeline;

	if (pipeline_is_settled(pipeline) && upstream->left == 0)
		return true;
	if (pipeline->count > 0)
		cancel_start(upstream);
	if (pipeline->copying_in && !pipeline->copy_ended &&
	    !send_request(upstream, FRONTEND_COPY_FAIL))
		return false;
	/* After an error the server skips to a Sync, which may already have been sent or not. */
	if (pipeline->unsynced && !send_request(upstream, FRONTEND_SYNC))
		return false;
	while (upstream_drain(upstream, deadline)) {
		if (pipeline_is_settled(pipeline))
			return true;
		if (!send_request(upstream, FRONTEND_SYNC))
			return false;
	}
	return false;
}

/* NULL: it is well. Otherwise why it has to be closed. */
static const char *await_recovery(struct upstream *upstream, bool reset)
{
	const struct settings *settings = upstream->worker->settings;
	struct pipeline *pipeline = &upstream->pipeline;
	int64_t deadline = loop_now() + RECOVERY_LIMIT_US;
	struct failure why;

	if (stream_has_unsent(&upstream->stream))
		return "client disconnect before everything was sent to the server";
	if (!await_settled(upstream, deadline))
		return "client disconnected with query in progress";
	if (pipeline->doubtful)
		return "client disconnect while server was not ready";
	if (pipeline->status != 'I' && !upstream_query(upstream, "ROLLBACK", &why, deadline))
		return "client disconnect while server was not ready";
	if (!reset || settings->server_reset_query[0] == '\0')
		return NULL;
	if (!upstream_query(upstream, settings->server_reset_query, &why, deadline))
		return "reset query failed";
	/* Whatever it reset, it was not done for any client's wishes. */
	parameters_assign(&upstream->server->applied, NULL);
	return NULL;
}

void await_give_back(struct upstream *upstream, bool broken, bool reset)
{
	struct server *server = upstream->server;
	const char *reason = broken ? "server conn crashed?" : NULL;

	upstream->session->upstream = NULL;
	upstream->session = NULL;
	if (reason == NULL)
		reason = await_recovery(upstream, reset);
	if (reason == NULL && !pipeline_is_idle(&upstream->pipeline))
		reason = "client disconnect while server was not ready";
	if (reason == NULL)
		reason = upstream_read_at_rest(upstream);
	stream_rest(&upstream->stream);
	if (reason == NULL)
		pool_return(&server, loop_now());
	else
		pool_discard(&server, reason, loop_now());
}
