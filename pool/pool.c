#include "pool/pool.h"

#include <assert.h>
#include <string.h>

#include "pool/pools.h"
#include "pool/queue.h"
#include "pool/roster.h"

/* Retries after a failed login: the first soon, then slower, never slower than the setting. */
#define FIRST_RETRY_US INT64_C(100000)

static const struct pool_calls *calls(const struct pool *pool)
{
	return pool->pools->calls;
}

/* --- lending ------------------------------------------------------------------------------ */

static void answer(struct borrower *borrower, struct server *server)
{
	pool_leave(borrower);
	borrower->server = server;
	borrower->refused = server == NULL;
	borrower->answered(borrower);
}

static void lend(struct pool *pool, struct server *server, int64_t now)
{
	server_move(server, SERVER_ACTIVE);
	server->lent_at = now;
	pool->stats.server_assignment_count++;
}

static void lend_to_first(struct pool *pool, struct server *server, int64_t now)
{
	struct borrower *first = pool->first_waiting;
	pool->stats.wait_time += (uint64_t)(now - first->since);
	lend(pool, server, now);
	answer(first, server);
}

/* --- retiring ----------------------------------------------------------------------------- */

static void retire(struct server *server, const char *reason)
{
	struct pool *pool = server->pool;
	server_move(server, SERVER_CLOSED);
	calls(pool)->retire(pool->pools->context, server, reason);
}

static int size_limit(const struct pool *pool)
{
	return pool->database == NULL ? 0 :
		       settings_pool_size(pool->settings, pool->database, pool->user);
}

bool pool_is_into_reserve(const struct pool *pool)
{
	return pool_server_count(pool) > (size_t)size_limit(pool);
}

/* A lifetime of 0 means that a server is good for one use. */
static bool is_over(const struct pool *pool, const struct server *server, int64_t now)
{
	int64_t lifetime = settings_server_lifetime_us(pool->settings, pool->database);
	return lifetime == 0 ? server->returned_at != 0 : now - server->connected_at >= lifetime;
}

/* Why a server is not to be lent any more, be it as good as new, or NULL. */
static const char *reason_not_to_lend(const struct pool *pool, const struct server *server)
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
	const char *reason = reason_not_to_lend(pool, server);
	if (reason != NULL)
		return reason;
	if (is_over(pool, server, now))
		return "server lifetime over";
	size_t most = (size_t)size_limit(pool) +
		      (size_t)settings_reserve_pool_size(pool->settings, pool->database, pool->user);
	if (pool_server_count(pool) > most)
		return "too many servers in the pool";
	return NULL;
}

/* --- making and checking ------------------------------------------------------------------ */

static int64_t rests_since(const struct server *server)
{
	return server->returned_at != 0 ? server->returned_at : server->connected_at;
}

static bool is_stale(const struct pool *pool, const struct server *server, int64_t now)
{
	return pool->settings->server_check_query[0] != '\0' &&
	       now - rests_since(server) >= pool->settings->server_check_delay_us;
}

/* LIFO keeps few servers busy, so that the others can go; round robin spreads the load. */
static struct server *next_idle(const struct pool *pool)
{
	const struct server_list *idle = &pool->servers[SERVER_IDLE];
	return pool->settings->server_round_robin ? idle->last : idle->first;
}

static bool reserve_is_open(const struct pool *pool, int64_t now)
{
	int64_t timeout = pool->settings->reserve_pool_timeout_us;
	return timeout > 0 && pool_longest_wait(pool, now) >= timeout;
}

static struct server *oldest_idle(const struct pool *pool)
{
	return pool->settings->server_round_robin ? pool->servers[SERVER_IDLE].first :
						    pool->servers[SERVER_IDLE].last;
}

/* Makes room under a limit that spans pools, at the cost of one that has more than it uses. */
static bool evict_idle(const struct pool *pool, bool same_database)
{
	for (struct pool *other = pool->pools->first; other != NULL; other = other->next) {
		struct server *victim = oldest_idle(other);
		bool counts = same_database ?
				      strcmp(other->database_name, pool->database_name) == 0 :
				      strcmp(other->user_name, pool->user_name) == 0;
		if (other == pool || victim == NULL || !counts || other->waiting_count > 0)
			continue;
		retire(victim, "evicted");
		return true;
	}
	return false;
}

/* Whether a limit that spans pools allows a server more; `may_evict` to make it so. */
static bool has_room(const struct pool *pool, bool same_database, int most, bool may_evict)
{
	const struct pools *pools = pool->pools;
	while (most > 0) {
		size_t count = same_database ? pools_count_database(pools, pool->database_name) :
					       pools_count_user(pools, pool->user_name);
		if (count < (size_t)most)
			break;
		if (!may_evict || !evict_idle(pool, same_database))
			return false;
	}
	return true;
}

static bool wider_limits_allow(const struct pool *pool, bool may_evict)
{
	int most_of_database = settings_max_db_connections(pool->settings, pool->database);
	int most_of_user = settings_max_user_connections(pool->settings, pool->user);

	return has_room(pool, true, most_of_database, may_evict) &&
	       has_room(pool, false, most_of_user, may_evict);
}

static bool may_dial(const struct pool *pool, int64_t now, bool may_evict)
{
	if (pool->database == NULL || pool->paused || pool->pools->stopping)
		return false;
	/* While logins fail, one at a time is enough to learn when that ends. */
	if (pool->failures > 0 && (now < pool->retry_at || pool->servers[SERVER_LOGIN].count > 0))
		return false;
	size_t most = (size_t)size_limit(pool);
	if (reserve_is_open(pool, now))
		most += (size_t)settings_reserve_pool_size(pool->settings, pool->database,
							   pool->user);
	return pool_server_count(pool) < most && wider_limits_allow(pool, may_evict);
}

static bool add_to_batch(struct pool *pool, struct server **batch)
{
	struct server *server = server_new(pool, pools_next_id(pool->pools));
	if (server == NULL)
		return false;
	server_move(server, SERVER_LOGIN);
	server->next_in_batch = *batch;
	*batch = server;
	return true;
}

static void dial(const struct pool *pool, struct server *batch)
{
	if (batch != NULL)
		calls(pool)->dial(pool->pools->context, batch);
}

/* As many servers on their way as there are clients who wait, if the limits allow. */
static void provide(struct pool *pool, int64_t now)
{
	struct server *batch = NULL;

	for (;;) {
		size_t coming = pool->servers[SERVER_LOGIN].count +
				pool->servers[SERVER_TESTED].count;
		struct server *idle = next_idle(pool);
		if (coming >= pool->waiting_count || pool->paused)
			break;
		if (idle != NULL) {
			server_move(idle, SERVER_TESTED);
			calls(pool)->check(pool->pools->context, idle);
		} else if (!may_dial(pool, now, true) || !add_to_batch(pool, &batch)) {
			break;
		}
	}
	dial(pool, batch);
}

/* A server has become free: to the first in the queue, or to rest. */
static void settle(struct server *server, int64_t now)
{
	struct pool *pool = server->pool;
	const char *reason = reason_to_retire(pool, server, now);

	if (reason != NULL) {
		retire(server, reason);
		provide(pool, now);
		return;
	}
	if (server->state != SERVER_IDLE)
		server_move(server, SERVER_IDLE);
	if (pool->first_waiting != NULL)
		lend_to_first(pool, server, now);
}

/* --- what borrowers call ------------------------------------------------------------------ */

static bool is_refused(const struct pool *pool, int64_t now)
{
	if (pool->database == NULL || pool->pools->stopping)
		return true;
	return pool->failures > 0 && now < pool->retry_at &&
	       server_refusal_is_final(&pool->last_failure) && pool_server_count(pool) == 0;
}

bool pool_refusal(const struct pool *pool, struct failure *why)
{
	if (pool->pools->stopping)
		failure_set(why, FAILURE_SERVER_SHUTTING_DOWN);
	else if (pool->database == NULL)
		failure_set(why, FAILURE_NO_DATABASE, pool->database_name);
	else if (pool->failures > 0)
		*why = pool->last_failure;
	else
		return false;
	return true;
}

struct server *pool_lend_idle(struct pool *pool, int64_t now)
{
	struct server *server = next_idle(pool);

	if (server == NULL || pool->first_waiting != NULL || pool->paused ||
	    is_stale(pool, server, now))
		return NULL;
	lend(pool, server, now);
	return server;
}

struct server *pool_lend(struct pool *pool, struct borrower *borrower, int64_t now)
{
	borrower->server = NULL;
	borrower->pool = NULL;
	borrower->since = now;
	borrower->refused = is_refused(pool, now);
	if (borrower->refused)
		return NULL;
	struct server *server = pool_lend_idle(pool, now);
	if (server != NULL)
		return server;
	queue_append(pool, borrower);
	provide(pool, now);
	return NULL;
}

void pool_return(struct server **server, int64_t now)
{
	struct server *returned = *server;

	*server = NULL;
	returned->returned_at = now;
	if (returned->cancels > 0)
		server_move(returned, SERVER_BEING_CANCELED);
	else
		settle(returned, now);
}

void pool_discard(struct server **server, const char *reason, int64_t now)
{
	struct pool *pool = (*server)->pool;
	retire(*server, reason);
	*server = NULL;
	provide(pool, now);
}

void pool_cancel_begins(struct server *server)
{
	server->cancels++;
}

void pool_cancel_ended(struct server *server, int64_t now)
{
	assert(server->cancels > 0);
	if (--server->cancels == 0 && server->state == SERVER_BEING_CANCELED)
		settle(server, now);
}

/* --- logins and checks -------------------------------------------------------------------- */

void pool_dial_succeeded(struct server *server, int64_t now)
{
	struct pool *pool = server->pool;

	pool->failures = 0;
	server->connected_at = now;
	parameters_assign(&pool->welcome, server->base);
	server_move(server, SERVER_IDLE);
	const char *reason = reason_not_to_lend(pool, server);
	if (reason != NULL)
		retire(server, reason);
	else if (pool->first_waiting != NULL)
		lend_to_first(pool, server, now);
	provide(pool, now);
}

static int64_t retry_delay(const struct pool *pool)
{
	const struct settings *settings = pool->settings;
	if (settings->server_login_retry_is_set)
		return settings->server_login_retry_us;
	int64_t delay = FIRST_RETRY_US;
	for (unsigned i = 1; i < pool->failures && delay < settings->server_login_retry_us; i++)
		delay *= 2;
	if (delay > settings->server_login_retry_us)
		delay = settings->server_login_retry_us;
	/* Three quarters to five quarters, so that many pools do not knock together. */
	return delay * 3 / 4 + (int64_t)(pools_random(pool->pools) % (uint64_t)(delay / 2 + 1));
}

static void refuse_all(struct pool *pool)
{
	while (pool->first_waiting != NULL)
		answer(pool->first_waiting, NULL);
}

void pool_dial_failed(struct server *server, const struct failure *why, int64_t now)
{
	struct pool *pool = server->pool;

	/* Logins that went out together and fail together count once. */
	if (pool->failures == 0 || now >= pool->retry_at) {
		pool->failures++;
		pool->retry_at = now + retry_delay(pool);
	}
	pool->last_failure = *why;
	retire(server, why->message);
	if (server_refusal_is_final(why) && pool_server_count(pool) == 0)
		refuse_all(pool);
	provide(pool, now);
}

void pool_check_ended(struct server *server, bool good, int64_t now)
{
	struct pool *pool = server->pool;
	if (!good) {
		retire(server, "test query failed");
	} else {
		server->returned_at = now;
		settle(server, now);
	}
	provide(pool, now);
}

/* --- now and then ------------------------------------------------------------------------- */

static const char *reason_to_drop_idle(const struct pool *pool, const struct server *server,
				       int64_t now, bool above_minimum)
{
	int64_t idle_timeout = pool->settings->server_idle_timeout_us;
	const char *reason = reason_to_retire(pool, server, now);

	if (reason == NULL && idle_timeout > 0 && above_minimum &&
	    now - rests_since(server) >= idle_timeout)
		reason = "server idle timeout";
	return reason;
}

static void drop_idle(struct pool *pool, int64_t now)
{
	size_t minimum = pool->database == NULL ?
				 0 :
				 (size_t)settings_min_pool_size(pool->settings, pool->database,
								pool->user);
	struct server *server = pool->servers[SERVER_IDLE].last;
	while (server != NULL) {
		struct server *previous = server->previous;
		const char *reason = reason_to_drop_idle(pool, server, now,
							 pool_server_count(pool) > minimum);
		if (reason != NULL)
			retire(server, reason);
		server = previous;
	}
}

/* Only for pools that somebody uses, or whose user is known to be able to log in. */
static void keep_minimum(struct pool *pool, int64_t now)
{
	struct server *batch = NULL;

	if (pool->database == NULL || (pool->database->user == NULL && pool->client_count == 0))
		return;
	size_t minimum =
		(size_t)settings_min_pool_size(pool->settings, pool->database, pool->user);
	while (pool_server_count(pool) < minimum && may_dial(pool, now, false) &&
	       add_to_batch(pool, &batch))
		;
	dial(pool, batch);
}

/* A cancel request that cannot be delivered must not keep its server for ever. */
static void drop_long_canceled(struct pool *pool, int64_t now)
{
	int64_t limit = pool->settings->cancel_wait_timeout_us;
	struct server *server = pool->servers[SERVER_BEING_CANCELED].last;
	while (server != NULL && limit > 0) {
		struct server *previous = server->previous;
		if (now - server->returned_at >= limit)
			retire(server, "cancel_wait_timeout");
		server = previous;
	}
}

void pool_tick(struct pool *pool, int64_t now)
{
	drop_long_canceled(pool, now);
	drop_idle(pool, now);
	if (pool->first_waiting != NULL)
		provide(pool, now);
	keep_minimum(pool, now);
}

void pool_pause(struct pool *pool, int64_t now)
{
	pool->paused = true;
	drop_idle(pool, now);
}

void pool_resume(struct pool *pool, int64_t now)
{
	pool->paused = false;
	provide(pool, now);
}

void pool_reconnect(struct pool *pool, const char *reason, int64_t now)
{
	(void)now;
	for (int state = 0; state < SERVER_CLOSED; state++)
		for (struct server *server = pool->servers[state].first; server != NULL;
		     server = server->next)
			server->close_needed = true;
	while (pool->servers[SERVER_IDLE].first != NULL)
		retire(pool->servers[SERVER_IDLE].first, reason);
}

void pool_refuse_waiting(struct pool *pool)
{
	refuse_all(pool);
}

enum pool_mode pool_mode(const struct pool *pool)
{
	return settings_pool_mode(pool->settings, pool->database, pool->user);
}

int64_t pool_longest_wait(const struct pool *pool, int64_t now)
{
	return pool->first_waiting == NULL ? 0 : now - pool->first_waiting->since;
}
