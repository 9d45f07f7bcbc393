#include "daemon/borrow.h"

#include <errno.h>
#include <string.h>

#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/upstream.h"
#include "daemon/worker.h"
#include "protocol/writer.h"

/* A borrower whose session waits as a coroutine. */
struct queued {
	struct borrower borrower; /* first: answered() finds the rest by it */
	struct coroutine *coroutine;
};

static void answered(struct borrower *borrower)
{
	struct queued *queued = (struct queued *)borrower;
	coroutine_wake(queued->coroutine);
}

static void take(struct session *session, const struct server *server)
{
	session->upstream = upstream_of(server);
	session->upstream->session = session;
}

/* The reason of the servers themselves is worth more than that the time is over. */
static bool too_late(const struct session *session, const struct borrower *borrower,
		     enum failure_kind late, struct failure *why)
{
	const struct pool *pool = session->pool;
	double waited_s = (double)(loop_now() - borrower->since) / 1e6;

	if (pool_refusal(pool, why))
		return false;
	failure_set(why, late);
	return failure_detail(why,
			      "Waited %.1f s; %zu of %d server connections are in use, %zu clients wait.",
			      waited_s, pool->servers[SERVER_ACTIVE].count,
			      settings_pool_size(pool->settings, pool->database, pool->user),
			      pool->waiting_count);
}

static bool refused(const struct session *session, struct failure *why)
{
	if (pool_refusal(session->pool, why))
		return false;
	return failure_set(why, FAILURE_SERVER_GONE);
}

static bool wait_failed(const struct session *session, const struct borrower *borrower,
			enum failure_kind late, struct failure *why)
{
	if (session->wait_cancelled)
		return failure_set(why, FAILURE_CANCELED);
	if (errno == ETIMEDOUT)
		return too_late(session, borrower, late, why);
	return failure_set(why, session->killed != FAILURE_NONE ? session->killed :
								   FAILURE_NO_MEMORY);
}

/* When to tell the client that it waits; not in the middle of its login. */
static int64_t notice_is_due(const struct session *session, const struct borrower *borrower)
{
	int64_t after_s = session->worker->settings->query_wait_notify;

	return after_s == 0 || session->phase != SESSION_LOGGED_IN ?
		       DEADLINE_NEVER :
		       borrower->since + after_s * 1000000;
}

static bool send_waiting_notice(struct session *session, struct failure *why)
{
	struct writer writer;

	writer_init(&writer);
	write_notice(&writer,
		     "No server connection available in postgres backend, client being queued", "");
	bool sent = !writer.failed && stream_send(&session->client, writer.data, writer.length);
	writer_release(&writer);
	return sent || failure_set(why, FAILURE_CLIENT_SEND_FAILED, strerror(errno));
}

static bool await_answer(struct session *session, struct borrower *borrower,
			 enum failure_kind late, struct failure *why, int64_t deadline)
{
	struct loop *loop = session->client.loop;
	int64_t notice_at = notice_is_due(session, borrower);

	while (borrower->server == NULL && !borrower->refused) {
		if (stream_peer_is_gone(&session->client))
			return failure_set(why, FAILURE_CLIENT_GONE);
		if (await_wake(loop, notice_at < deadline ? notice_at : deadline))
			continue;
		if (errno != ETIMEDOUT || notice_at >= deadline)
			return wait_failed(session, borrower, late, why);
		notice_at = DEADLINE_NEVER;
		if (!send_waiting_notice(session, why))
			return false;
	}
	if (session->wait_cancelled)
		return failure_set(why, FAILURE_CANCELED);
	return !borrower->refused || refused(session, why);
}

bool await_borrow(struct session *session, enum failure_kind late, struct failure *why,
		  int64_t deadline)
{
	struct loop *loop = session->client.loop;
	struct queued queued = {.coroutine = coroutine_current(loop)};
	struct borrower *borrower = &queued.borrower;

	borrower->answered = answered;
	/* Whoever hangs up leaves the queue. */
	if (!stream_watch(&session->client))
		return failure_set(why, FAILURE_NO_MEMORY);
	session->client.waiter = queued.coroutine;
	session->waiting = borrower;
	session->wait_cancelled = false;
	borrower->server = pool_lend(session->pool, borrower, loop_now());
	bool got = await_answer(session, borrower, late, why, deadline);
	session->client.waiter = NULL;
	session->waiting = NULL;
	pool_leave(borrower);
	if (got)
		take(session, borrower->server);
	else if (borrower->server != NULL)
		pool_return(&borrower->server, loop_now());
	return got;
}

bool borrow_now(struct session *session)
{
	const struct server *server = pool_lend_idle(session->pool, loop_now());
	if (server != NULL)
		take(session, server);
	return server != NULL;
}
