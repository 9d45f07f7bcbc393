#include "pool/policy.h"

#include <string.h>

#include "pool/anew.h"
#include "pool/limits.h"
#include "pool/namesakes.h"
#include "pool/pools.h"
#include "pool/queue.h"
#include "pool/roster.h"

#define TOO_MANY_SERVERS "too many servers in the pool"

/* For so long a pool that is at work keeps its servers from others under the same limit. */
#define PATIENCE_US INT64_C(1000000)

/* Retries after a failed login: the first soon, then slower, never slower than the setting. */
#define FIRST_RETRY_US INT64_C(100000)

/* So many logins may find no room at the server, in more than a second, before that is the answer. */
#define CROWDED_LOGINS 4

/* --- what is decided ---------------------------------------------------------------------- */

static struct deferred *deferred_of(const struct pool *pool)
{
	return &pool->pools->deferred;
}

static void answer(struct borrower *borrower, struct server *server)
{
	struct pool *pool = borrower->pool;

	queue_remove(borrower);
	borrower->server = server;
	borrower->refused = server == NULL;
	defer_answer(deferred_of(pool), borrower);
}

void policy_retire(struct server *server, const char *reason)
{
	server_move(server, SERVER_CLOSED);
	server->pool->retiring++;
	server->pool->takes_over |= server->connected_at != 0;
	server->retire_reason = reason;
	defer_retire(deferred_of(server->pool), server);
}

static void check(struct server *server)
{
	server_move(server, SERVER_TESTED);
	defer_check(deferred_of(server->pool), server);
}

static bool dial(struct pool *pool, unsigned worker)
{
	struct server *server = server_new(pool, pools_next_id(pool->pools), worker);

	if (server == NULL)
		return false;
	server_note_password(server);
	server_move(server, SERVER_LOGIN);
	defer_dial(deferred_of(pool), server);
	return true;
}

/* --- lending ------------------------------------------------------------------------------ */

static int64_t rests_since(const struct server *server)
{
	return server->returned_at != 0 ? server->returned_at : server->connected_at;
}

bool pool_is_stale(const struct server *server, int64_t now)
{
	const struct pool *pool = server->pool;

	return pool->settings->server_check_query[0] != '\0' &&
	       now - rests_since(server) >= pool->settings->server_check_delay_us;
}

/* LIFO keeps few servers busy, so that the others can go; round robin spreads the load. */
static struct server *next_idle(const struct pool *pool, unsigned worker)
{
	const struct server_list *idle = &pool->servers[SERVER_IDLE];
	struct server *here = pool->shares[worker].first_idle;

	if (pool->settings->server_round_robin)
		return idle->last;
	return here != NULL ? here : idle->first;
}

struct server *policy_idle(const struct pool *pool, unsigned worker, int64_t now)
{
	struct server *server = next_idle(pool, worker);

	if (server == NULL || pool->first_waiting != NULL || pool->paused ||
	    pool_is_stale(server, now))
		return NULL;
	return server;
}

struct server *policy_idle_here(const struct pool *pool, unsigned worker, int64_t now)
{
	struct server *server = policy_idle(pool, worker, now);
	return server != NULL && server->worker == worker ? server : NULL;
}

void policy_lend(struct server *server, int64_t now)
{
	if (server->state != SERVER_ACTIVE)
		server_move(server, SERVER_ACTIVE);
	server->lent_at = now;
}

void policy_lend_to(struct borrower *borrower, struct server *server, int64_t now)
{
	struct pool *pool = server->pool;

	policy_lend(server, now);
	borrower->came_from = server->worker;
	server->worker = borrower->worker;
	/* Two threads may have looked at the clock a little apart. */
	if (now > borrower->since)
		stats_count(&pool->shares[borrower->worker].stats.wait_time,
			    (uint64_t)(now - borrower->since));
	answer(borrower, server);
}

/*
 * Whether there was no room (53300) for a server in the place of one that was closed. Its backend ends a moment later,
 * or when it has dropped its temporary tables.
 */
static bool is_crowded(const struct pool *pool)
{
	return pool->takes_over && pool->failures <= CROWDED_LOGINS &&
	       server_has_refused(&pool->last_failure, "53300");
}

/*
 * Whether the last failed login is the borrower's answer. What a server says to one login it will say to the
 * next, as PgBouncer has it. But a server that cannot be reached may come back, and one that starts or ends
 * is about to: whoever has been let in before waits for it.
 */
static bool is_told(const struct pool *pool, const struct borrower *borrower)
{
	const struct failure *why = &pool->last_failure;

	if (server_refusal_is_final(why))
		return true;
	return why->kind == FAILURE_SERVER_REFUSED && !is_crowded(pool) &&
	       !(borrower->is_let_in && server_is_restarting(why));
}

/* One that is only kept until its transaction ends helps nobody who waits. */
static bool has_lasting_server(const struct pool *pool)
{
	for (struct server *server = NULL; (server = roster_next(pool, server)) != NULL;)
		if (!server->close_needed)
			return true;
	return false;
}

bool policy_refuses(const struct pool *pool, const struct borrower *borrower, int64_t now)
{
	if (pool->database == NULL || pool->pools->stopping)
		return true;
	return pool->failures > 0 && now < pool->retry_at && is_told(pool, borrower) &&
	       !has_lasting_server(pool);
}

void policy_refuse_all(struct pool *pool)
{
	while (pool->first_waiting != NULL)
		answer(pool->first_waiting, NULL);
}

void policy_refuse_those_of(struct pool *pool, unsigned worker)
{
	struct borrower *next;

	for (struct borrower *borrower = pool->shares[worker].first_waiting; borrower != NULL;
	     borrower = next) {
		next = borrower->next_here;
		if (borrower->is_let_in)
			answer(borrower, NULL);
	}
}

void policy_tell_failure(struct pool *pool)
{
	struct borrower *next;

	/* Another server may still be free for them. */
	if (has_lasting_server(pool))
		return;
	for (struct borrower *borrower = pool->first_waiting; borrower != NULL; borrower = next) {
		next = borrower->next;
		/* A replication client tries again by itself, and wants to know why it has to. */
		if (pool->replication != NULL || is_told(pool, borrower))
			answer(borrower, NULL);
	}
}

/* --- retiring ----------------------------------------------------------------------------- */

/* A lifetime of 0 means that a server is good for one use. */
static bool is_over(const struct pool *pool, const struct server *server, int64_t now)
{
	int64_t lifetime = settings_server_lifetime_us(pool->settings, pool->database);
	return lifetime == 0 ? server->returned_at != 0 : now - server->connected_at >= lifetime;
}

const char *policy_reason_not_to_lend(const struct pool *pool, const struct server *server)
{
	if (pool->pools->stopping)
		return "pooler is shutting down";
	if (pool->database == NULL)
		return "database was removed";
	if (server->close_needed)
		return "close_needed";
	return pool->paused ? "pause mode" : NULL;
}

/* Why a server that comes back is not kept, or NULL. */
static const char *reason_to_retire(const struct pool *pool, const struct server *server,
				    int64_t now)
{
	const char *reason = policy_reason_not_to_lend(pool, server);
	if (reason != NULL)
		return reason;
	if (is_over(pool, server, now))
		return "server lifetime over";
	if (pool_server_count(pool) > limits_most(pool))
		return TOO_MANY_SERVERS;
	return NULL;
}

/* --- making and settling ------------------------------------------------------------------ */

void policy_provide(struct pool *pool, int64_t now)
{
	queue_hold_up(pool, false);
	for (;;) {
		size_t coming = pool->servers[SERVER_LOGIN].count +
				pool->servers[SERVER_TESTED].count;
		if (coming >= pool->waiting_count || pool->paused)
			break;
		unsigned worker = pool->first_waiting->worker;
		struct server *idle = next_idle(pool, worker);
		if (idle != NULL) {
			check(idle);
		} else if (!limits_allow(pool, now, true)) {
			queue_hold_up(pool, limits_hold_up(pool, now));
			break;
		} else if (!dial(pool, worker)) {
			break;
		}
	}
}

/* Whether somebody of the other pool has waited for longer than everybody in this one. */
static bool came_before(const struct pool *other, const struct pool *pool)
{
	return pool->first_waiting == NULL ||
	       other->first_waiting->since < pool->first_waiting->since;
}

void policy_replace(struct pool *pool, int64_t now)
{
	struct pool *held_up = limits_held_up_by(pool, now);
	struct pool *earlier =
		pool->pools->replication_waiting_count > 0 ? namesakes_earlier(pool) : NULL;

	if (held_up != NULL && came_before(held_up, pool)) {
		held_up->takes_over = true;
		policy_provide(held_up, now);
	}
	if (earlier != NULL)
		policy_provide(earlier, now);
	policy_provide(pool, now);
	if (pool->replication != NULL)
		namesakes_provide(pool, now);
}

/* A replication client can be lent no server that is there already: when it is its turn, one makes room. */
static bool must_make_room(const struct pool *pool, int64_t now)
{
	if (pool->pools->replication_waiting_count == 0)
		return false;
	const struct pool *earlier = namesakes_earlier(pool);
	return earlier != NULL && limits_allow_if_room(earlier, now);
}

/* Whether the server has to make room for a pool that is held up. Otherwise, under a limit that spans pools, one that
 * never rests would keep its servers for ever. */
static bool is_due(const struct pool *held_up, const struct server *server, int64_t now)
{
	return held_up != NULL && came_before(held_up, server->pool) &&
	       now - server->connected_at >= PATIENCE_US &&
	       pool_longest_wait(held_up, now) >= PATIENCE_US;
}

void policy_settle(struct server *server, int64_t now)
{
	struct pool *pool = server->pool;
	struct pool *held_up = limits_held_up_by(pool, now);
	const char *reason = reason_to_retire(pool, server, now);

	if (reason == NULL && (must_make_room(pool, now) || is_due(held_up, server, now)))
		reason = "evicted";
	if (reason != NULL) {
		policy_retire(server, reason);
		policy_replace(pool, now);
		return;
	}
	/* From one client it goes to the next at once. */
	bool goes_on = server->state == SERVER_ACTIVE && pool->first_waiting != NULL;
	if (server->state != SERVER_IDLE && !goes_on)
		server_move(server, SERVER_IDLE);
	if (pool->first_waiting != NULL)
		policy_lend_to(queue_next(pool, server->worker), server, now);
	else if (held_up != NULL)
		policy_provide(held_up, now);
}

/* --- failed logins ------------------------------------------------------------------------ */

static int64_t retry_delay(const struct pool *pool)
{
	const struct settings *settings = pool->settings;
	if (settings->server_login_retry_is_set && !is_crowded(pool))
		return settings->server_login_retry_us;
	int64_t delay = FIRST_RETRY_US;
	for (unsigned i = 1; i < pool->failures && delay < settings->server_login_retry_us; i++)
		delay *= 2;
	if (delay > settings->server_login_retry_us)
		delay = settings->server_login_retry_us;
	/* Three quarters to five quarters, so that many pools do not knock together. */
	return delay * 3 / 4 + (int64_t)(pools_random(pool->pools) % (uint64_t)(delay / 2 + 1));
}

void policy_note_failure(const struct server *server, const struct failure *why, int64_t now)
{
	struct pool *pool = server->pool;

	pool->last_failure = *why;
	/* Logins that went out together and fail together count once. */
	if (pool->failures == 0 || now >= pool->retry_at) {
		pool->failures++;
		pool->retry_at = now + retry_delay(pool);
	}
	pool->failed_hash = server->password_hash;
}

/* --- now and then ------------------------------------------------------------------------- */

static const char *reason_to_drop_idle(const struct pool *pool, const struct server *server,
				       int64_t now, bool above_minimum)
{
	int64_t idle_timeout = pool->settings->server_idle_timeout_us;
	const char *reason = reason_to_retire(pool, server, now);

	/* Those of its namesakes count as well. */
	if (reason == NULL && namesakes_server_count(pool) > limits_most(pool))
		reason = TOO_MANY_SERVERS;
	if (reason == NULL && idle_timeout > 0 && above_minimum &&
	    now - rests_since(server) >= idle_timeout)
		reason = "server idle timeout";
	return reason;
}

static void drop_idle(struct pool *pool, int64_t now)
{
	size_t minimum = limits_minimum(pool);
	struct server *server = pool->servers[SERVER_IDLE].last;

	while (server != NULL) {
		struct server *previous = server->previous;
		const char *reason = reason_to_drop_idle(pool, server, now,
							 pool_server_count(pool) > minimum);
		if (reason != NULL)
			policy_retire(server, reason);
		server = previous;
	}
}

/* Only for pools that somebody uses, or whose user is known to be able to log in. */
static void keep_minimum(struct pool *pool, int64_t now)
{
	size_t minimum = limits_minimum(pool);

	if (pool->database == NULL || pool->is_private ||
	    (pool->database->user == NULL && pool->client_count == 0))
		return;
	while (pool_server_count(pool) < minimum && limits_allow(pool, now, false) && dial(pool, 0))
		;
}

/* A cancel request that cannot be delivered must not keep its server for ever. */
static void drop_long_canceled(struct pool *pool, int64_t now)
{
	int64_t limit = pool->settings->cancel_wait_timeout_us;
	struct server *server = pool->servers[SERVER_BEING_CANCELED].last;
	while (server != NULL && limit > 0) {
		struct server *previous = server->previous;
		if (now - server->returned_at >= limit)
			policy_retire(server, "cancel_wait_timeout");
		server = previous;
	}
}

void policy_tick(struct pool *pool, int64_t now)
{
	drop_long_canceled(pool, now);
	drop_idle(pool, now);
	if (pool->first_waiting != NULL)
		policy_provide(pool, now);
	keep_minimum(pool, now);
}

void policy_pause(struct pool *pool, int64_t now)
{
	pool->paused = true;
	drop_idle(pool, now);
}

void policy_resume(struct pool *pool, int64_t now)
{
	pool->paused = false;
	policy_provide(pool, now);
}

void policy_reconnect(struct pool *pool, const char *reason)
{
	for (struct server *server = NULL; (server = roster_next(pool, server)) != NULL;)
		server->close_needed = true;
	while (pool->servers[SERVER_IDLE].first != NULL)
		policy_retire(pool->servers[SERVER_IDLE].first, reason);
}
