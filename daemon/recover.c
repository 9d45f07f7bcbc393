#include "daemon/recover.h"

#include <stddef.h>

#include "daemon/cancel.h"
#include "daemon/relay/reported.h"
#include "daemon/relay/ties.h"
#include "daemon/relay/unreported.h"
#include "daemon/relay/upstream.h"
#include "daemon/runtime/loop.h"
#include "daemon/server/server_log.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/pool.h"
#include "protocol/message.h"

/* A server that does not recover in this time is closed. */
#define RECOVERY_LIMIT_US INT64_C(5000000)

/*
 * Ends what was begun without a Sync. A Sync would commit it, which the client has not asked for; a
 * ROLLBACK does not, but is ignored like everything else while the server skips to a Sync after an
 * error, when there is nothing left to commit.
 */
static bool end_request(struct upstream *upstream)
{
	if (upstream->pipeline.skipping)
		return upstream_ask(upstream, FRONTEND_SYNC, NULL);
	return upstream_ask(upstream, PIPELINE_OWN_QUERY, "ROLLBACK");
}

/* Ends what the client has begun, so that the server comes to owe nothing. */
static bool await_settled(struct upstream *upstream, int64_t deadline)
{
	struct pipeline *pipeline = &upstream->pipeline;

	if (pipeline->count > 0)
		cancel_start(upstream);
	while (!pipeline_is_settled(pipeline) || upstream->left > 0) {
		if (pipeline->unsynced && !pipeline_wants_copy(pipeline) && !end_request(upstream))
			return false;
		if (!upstream_collect(upstream, NULL, 0, deadline))
			return false;
	}
	return true;
}

/* Runs the reset query, if there is one. A reload meanwhile does not change what it was. */
static bool await_reset(struct upstream *upstream, int64_t deadline)
{
	struct settings *settings = settings_hold(upstream->worker->settings);
	const char *query = settings->server_reset_query;
	struct failure why;
	bool good = true;

	if (query[0] != '\0') {
		good = upstream_query(upstream, query, &why, deadline);
		/* Whatever it reset, it was not done for any client's wishes. */
		parameters_assign(&upstream->server->applied, NULL);
		if (sql_forgets_statements(query))
			server_statements_clear(&upstream->statements);
	}
	settings_drop(settings);
	return good;
}

/* Nobody is to be sent what somebody else has asked for. */
static bool await_unlistened(struct upstream *upstream, int64_t deadline)
{
	struct failure why;

	server_log(upstream->worker->log, LEVEL_LOG, upstream->server,
		   "UNLISTEN *: a client has left a LISTEN behind, which stays with no server");
	bool good = upstream_query(upstream, "UNLISTEN *", &why, deadline);
	upstream->listens = upstream->overhears = false;
	return good;
}

/* NULL: it is well. Otherwise why it has to be closed. */
static const char *await_recovery(struct upstream *upstream, bool reset)
{
	struct pipeline *pipeline = &upstream->pipeline;
	int64_t deadline = loop_time(upstream->stream.loop) + RECOVERY_LIMIT_US;
	struct failure why;

	if (stream_has_unsent(&upstream->stream) || upstream->torn)
		return "client disconnect before everything was sent to the server";
	bool is_one = pipeline->count <= 1;
	if (!await_settled(upstream, deadline))
		return is_one ? "client disconnected with query in progress" :
				"client disconnected with queries in progress";
	if (pipeline->doubtful)
		return "client disconnect while server was not ready";
	if (pipeline->status != 'I' && !upstream_query(upstream, "ROLLBACK", &why, deadline))
		return "client disconnect while server was not ready";
	const char *too_much = await_unreported_undone(upstream, deadline);
	if (too_much != NULL)
		return too_much;
	if (upstream->statements.must_deallocate) {
		if (!upstream_query(upstream, "DEALLOCATE ALL", &why, deadline))
			return "client disconnect while server was not ready";
		server_statements_clear(&upstream->statements);
	}
	if (!await_untied(upstream, deadline))
		return "client disconnect while server was not ready";
	if (reset && !await_reset(upstream, deadline))
		return "reset query failed";
	if ((upstream->listens || upstream->overhears) && !await_unlistened(upstream, deadline))
		return "client disconnect while server was not ready";
	return NULL;
}

void await_give_back(struct upstream *upstream, const char *broken, bool reset)
{
	struct server *server = upstream->server;
	const char *reason = broken;

	stream_send_posted(&upstream->stream);
	upstream->session->upstream = NULL;
	upstream->session = NULL;
	notes_forget_client(&upstream->statements.notes);
	if (reason == NULL)
		reason = await_recovery(upstream, reset);
	if (reason == NULL && !pipeline_is_idle(&upstream->pipeline))
		reason = "client disconnect while server was not ready";
	/* Nobody may have waited for it since it has come from another worker. */
	if (reason == NULL && !stream_watch(&upstream->stream))
		reason = "out of memory";
	if (reason == NULL)
		reason = upstream_read_at_rest(upstream);
	if (reason == NULL && upstream->is_disguised && reported_is_disguised(server))
		reason = "its user was changed";
	stream_rest(&upstream->stream);
	if (reason == NULL)
		pool_return(&server, loop_time(upstream->stream.loop));
	else
		pool_discard(&server, reason, loop_now());
}
