#include "daemon/borrow.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/array.h"
#include "daemon/goodbye.h"
#include "daemon/recover.h"
#include "daemon/relay/prepared.h"
#include "daemon/relay/ties.h"
#include "daemon/relay/unreported.h"
#include "daemon/relay/upstream.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/future.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "protocol/writer.h"

/* A borrower whose session waits as a coroutine. */
struct queued {
	struct borrower borrower; /* first: answered() finds the rest by it */
	struct future answer;
	struct session *session;
};

int64_t queued_since(const struct queued *queued)
{
	return queued->borrower.since;
}

/* --- the answer's way --------------------------------------------------------------------- */

static void send_answer(struct queued *queued)
{
	if (worker_is_here(queued->session->worker))
		future_complete(&queued->answer);
	else
		future_post(&queued->answer);
}

/* In the thread that was the server's home: its socket goes along with the answer. */
static void let_go(struct loop_message *message)
{
	struct queued *queued = container_of(message, struct queued, answer.message);
	struct worker *to = queued->session->worker;

	upstream_move(upstream_of(queued->borrower.server), to);
	to->load.servers_in++;
	send_answer(queued);
}

/* In any thread. */
static void answered(struct borrower *borrower)
{
	struct queued *queued = (struct queued *)borrower;
	struct worker *home = &queued->session->worker->all[borrower->came_from];

	if (borrower->server == NULL || borrower->came_from == borrower->worker) {
		send_answer(queued);
	} else if (worker_is_here(home)) {
		let_go(&queued->answer.message);
	} else {
		queued->answer.message.deliver = let_go;
		loop_post(&home->loop, &queued->answer.message);
	}
}

/* --- waiting ------------------------------------------------------------------------------ */

static void take(struct session *session, const struct server *server)
{
	session->upstream = upstream_of(server);
	session->upstream->session = session;
	lone_set_begin(&session->upstream->lone_set);
	stats_count(&session->share->stats.server_assignment_count, 1);
}

int64_t borrow_deadline(const struct session *session, enum failure_kind *late)
{
	const struct pool_share *share = session->share;
	int64_t now = loop_time(session->client.loop);
	int64_t wait_limit = settings_query_wait_timeout_us(share->settings, share->database,
							    session_user(session));
	int64_t query_limit = settings_query_timeout_us(share->settings, share->user);

	*late = FAILURE_QUERY_WAIT_TIMEOUT;
	if (query_limit > 0 && (wait_limit <= 0 || query_limit < wait_limit)) {
		*late = FAILURE_QUERY_TIMEOUT_WAITING;
		return now + query_limit;
	}
	return wait_limit > 0 ? now + wait_limit : DEADLINE_NEVER;
}

int64_t borrow_deadline_in_login(const struct session *session, int64_t login_deadline,
				 enum failure_kind *late)
{
	int64_t deadline = borrow_deadline(session, late);

	if (deadline < login_deadline)
		return deadline;
	*late = FAILURE_LOGIN_TIMEOUT_SERVER_DOWN;
	return login_deadline;
}

/* The setting that was reached, and its value in microseconds. */
static int64_t limit_of(const struct session *session, enum failure_kind late, const char **name)
{
	const struct pool_share *share = session->share;

	if (late == FAILURE_QUERY_TIMEOUT_WAITING) {
		*name = "query_timeout";
		return settings_query_timeout_us(share->settings, share->user);
	}
	if (late == FAILURE_QUERY_WAIT_TIMEOUT) {
		*name = "query_wait_timeout";
		return settings_query_wait_timeout_us(share->settings, share->database,
						      session_user(session));
	}
	*name = "client_login_timeout";
	return session->worker->settings->client_login_timeout_us;
}

/* What holds up those who wait, although servers can be had. */
static bool tell_limit(const struct session *session, const struct pool_numbers *numbers,
		       const char *waited, struct failure *why)
{
	static const struct {
		const char *name, *hint;
	} caps[] = {
		[CAP_OF_DATABASE] = {"max_db_connections",
				     "Look at max_db_connections, at long transactions, and at SHOW POOLS."},
		[CAP_OF_USER] = {"max_user_connections",
				 "Look at max_user_connections, at long transactions, and at SHOW POOLS."},
	};
	const struct pool_share *share = session->share;
	int size = share->database == NULL ?
			   0 :
			   settings_pool_size(share->settings, share->database, share->user);

	if (numbers->paused) {
		why->hint = "RESUME ends the pause; SHOW DATABASES tells which are paused.";
		return failure_detail(why, "%s; the pool is paused, %zu clients wait.", waited,
				      numbers->waiting);
	}
	if (numbers->cap.kind == CAP_NONE)
		return failure_detail(why, "%s; %zu of %d server connections are in use, %zu clients wait.",
				      waited, numbers->active, size, numbers->waiting);
	why->hint = caps[numbers->cap.kind].hint;
	return failure_detail(why, "%s; %zu of %zu server connections that %s allows are there, %zu clients wait.",
			      waited, numbers->cap.count, numbers->cap.most,
			      caps[numbers->cap.kind].name, numbers->waiting);
}

/* If no server can be had, the reason says more than how many there are. */
static bool too_late(const struct session *session, const struct borrower *borrower,
		     enum failure_kind late, struct failure *why)
{
	struct pool_numbers numbers = pool_numbers(session->pool);
	struct failure reason = {0};
	char waited[80];
	const char *name;
	double limit_s = (double)limit_of(session, late, &name) / 1e6;

	pool_refusal(session->pool, &reason);
	if (reason.kind == FAILURE_SERVER_SHUTTING_DOWN || reason.kind == FAILURE_NO_DATABASE) {
		*why = reason;
		return false;
	}
	failure_set(why, late);
	snprintf(waited, sizeof waited, "Waited %.1f s, %s is %g s",
		 (double)(loop_now() - borrower->since) / 1e6, name, limit_s);
	if (reason.kind == FAILURE_NONE || numbers.active > 0)
		return tell_limit(session, &numbers, waited, why);
	memcpy(why->sqlstate, reason.sqlstate, sizeof why->sqlstate);
	why->hint = "Look at the server, at what [databases] says of it, and at the log of the pooler.";
	return failure_detail(why, "%s; no server could be had: %s%s%s", waited, reason.message,
			      reason.detail[0] != '\0' ? ": " : "", reason.detail);
}

/* Whoever comes while a server's refusal is remembered is told so, in PgBouncer's words. */
static void call_cached(const struct session *session, struct failure *why)
{
	struct pool_numbers numbers = pool_numbers(session->pool);
	struct failure cached = *why;
	double left_s = (double)(numbers.retry_at - loop_now()) / 1e6;

	failure_set(why, FAILURE_CACHED_REFUSAL, cached.message);
	memcpy(why->sqlstate, cached.sqlstate, sizeof why->sqlstate);
	failure_detail(why, "%u logins to the server have failed, and the next is due in %.1f s.%s%s",
		       numbers.failures, left_s > 0 ? left_s : 0.0,
		       cached.detail[0] != '\0' ? " The server says: " : "", cached.detail);
}

/* A replication client is told in PgBouncer's words as well, though the server's say more. */
static void call_login_failed(struct failure *why)
{
	struct failure refusal = *why;

	failure_set(why, FAILURE_REPLICATION_REFUSED);
	memcpy(why->sqlstate, refusal.sqlstate, sizeof why->sqlstate);
	failure_detail(why, "The server says: %s%s%s", refusal.message,
		       refusal.detail[0] != '\0' ? ": " : "", refusal.detail);
}

static bool refused(const struct session *session, bool at_once, struct failure *why)
{
	if (!pool_refusal(session->pool, why))
		return failure_set(why, FAILURE_SERVER_GONE);
	if (why->kind == FAILURE_SERVER_REFUSED && session->pool->replication != NULL)
		call_login_failed(why);
	else if (at_once &&
		 (why->kind == FAILURE_SERVER_REFUSED || why->kind == FAILURE_CONNECT_FAILED))
		call_cached(session, why);
	return false;
}

static bool wait_failed(const struct session *session, const struct borrower *borrower,
			enum failure_kind late, struct failure *why)
{
	if (session->killed != FAILURE_NONE)
		return failure_set(why, session->killed);
	if (session->wait_cancelled)
		return failure_set(why, FAILURE_CANCELED);
	if (errno == ETIMEDOUT)
		return too_late(session, borrower, late, why);
	return failure_set(why, FAILURE_NO_MEMORY);
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
	return send_message(session, &writer, why);
}

static bool await_answer(struct session *session, const struct queued *queued,
			 enum failure_kind late, struct failure *why, int64_t deadline)
{
	const struct borrower *borrower = &queued->borrower;
	struct loop *loop = session->client.loop;
	int64_t notice_at = notice_is_due(session, borrower);
	bool at_once = queued->answer.is_done;

	while (!queued->answer.is_done && !session->wait_cancelled) {
		if (stream_peer_is_gone(&session->client))
			return failure_set(why, FAILURE_CLIENT_GONE);
		if (await_wake(loop, notice_at < deadline ? notice_at : deadline))
			continue;
		/* If both come at once, a refusal says more than a kill, which it may be the reason for. */
		if (queued->answer.is_done && (errno == ETIMEDOUT || borrower->refused))
			continue;
		if (errno != ETIMEDOUT || notice_at >= deadline)
			return wait_failed(session, borrower, late, why);
		notice_at = DEADLINE_NEVER;
		if (!send_waiting_notice(session, why))
			return false;
	}
	if (session->wait_cancelled)
		return failure_set(why, FAILURE_CANCELED);
	return !borrower->refused || refused(session, at_once, why);
}

/* An answer that has been given must be waited for, even if it comes from another worker. */
static void await_left(struct session *session, struct queued *queued)
{
	if (!queued->answer.is_done && !pool_leave(session->pool, &queued->borrower))
		await_future(&queued->answer);
}

/* Nobody has seen what it said while it was lent, or on its way. */
static void return_unused(struct server *server)
{
	struct upstream *upstream = upstream_of(server);
	const char *reason = stream_watch(&upstream->stream) ? upstream_read_at_rest(upstream) :
							       "out of memory";

	if (reason != NULL)
		pool_discard(&server, reason, loop_now());
	else
		pool_put_back(server, loop_now());
}

/* The server that it was lent, which nobody has taken yet; or NULL, `why` says so. */
static struct server *await_lent(struct session *session, enum failure_kind late,
				 struct failure *why, int64_t deadline)
{
	struct queued queued = {.session = session, .answer = future_in(session->client.loop)};
	struct borrower *borrower = &queued.borrower;

	borrower->answered = answered;
	borrower->worker = session->worker->index;
	borrower->is_let_in = session->phase == SESSION_LOGGED_IN;
	/* Whoever hangs up leaves the queue. */
	if (!stream_watch(&session->client)) {
		failure_set(why, FAILURE_NO_MEMORY);
		return NULL;
	}
	session->client.waiter = queued.answer.waiter;
	session->waiting = &queued;
	session->wait_cancelled = false;
	/* The answer may also come from within. */
	if (pool_lend(session->pool, borrower, loop_time(session->client.loop)))
		queued.answer.is_done = true;
	bool got = await_answer(session, &queued, late, why, deadline);
	await_left(session, &queued);
	session->client.waiter = NULL;
	session->waiting = NULL;
	if (got)
		return borrower->server;
	if (borrower->server != NULL)
		return_unused(borrower->server);
	return NULL;
}

bool await_borrow(struct session *session, enum failure_kind late, struct failure *why,
		  int64_t deadline)
{
	const struct server *server = await_lent(session, late, why, deadline);

	if (server != NULL)
		take(session, server);
	return server != NULL;
}

bool await_server_is_there(struct session *session, enum failure_kind late, struct failure *why,
			   int64_t deadline)
{
	struct server *server = await_lent(session, late, why, deadline);

	if (server != NULL)
		return_unused(server);
	return server != NULL;
}

bool borrow_now(struct session *session)
{
	const struct server *server =
		pool_lend_idle(session->pool, session->worker->index,
			       loop_time(session->client.loop));
	if (server != NULL)
		take(session, server);
	return server != NULL;
}

/* --- giving it back ----------------------------------------------------------------------- */

/* It has prepared something on its server of which too little is known to do it elsewhere. */
static bool is_pinned_by_statements(const struct session *session)
{
	return session->statements != NULL && session->statements->pins > 0;
}

static bool is_pinned(const struct session *session)
{
	return is_pinned_by_statements(session) || session->upstream->ties != 0 ||
	       session->upstream->holds_settings;
}

bool pin_describe(const struct session *session, char reason[PIN_TEXT_BYTES])
{
	char ties[TIES_TEXT_BYTES];

	if (session->upstream == NULL || pool_share_mode(session->share) == POOL_SESSION ||
	    !is_pinned(session))
		return false;
	const char *const reasons[] = {
		ties_text(session->upstream->ties, ties),
		is_pinned_by_statements(session) ? "prepared statements that cannot be followed" : "",
		session->upstream->holds_settings ? "settings that cannot follow it" : "",
	};
	size_t length = 0;
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (*reasons[i] != '\0')
			length += (size_t)snprintf(reason + length, PIN_TEXT_BYTES - length,
						   "%s%s", length > 0 ? ", " : "", reasons[i]);
	return true;
}

bool return_is_due(const struct session *session)
{
	const struct upstream *upstream = session->upstream;

	if (upstream == NULL || !ties_are_in_doubt(upstream) ||
	    pool_share_mode(session->share) == POOL_SESSION)
		return false;
	session->worker->has_doubts = true;
	return ties_are_due(upstream);
}

bool await_returned(struct session *session, struct failure *why)
{
	if (pool_share_mode(session->share) == POOL_SESSION)
		return true;
	if ((session->upstream->may_tie != 0 || ties_are_due(session->upstream)) &&
	    !await_ties_known(session, why))
		return false;
	if (!is_pinned(session) && unreported_is_open(session->upstream) &&
	    !await_unreported_known(session, why))
		return false;
	if (!is_pinned(session))
		await_give_back(session->upstream, NULL,
				session->worker->settings->server_reset_query_always);
	return true;
}
