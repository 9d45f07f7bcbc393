#include "pool/disuse.h"

#include "pool/limits.h"
#include "pool/pool.h"

/* Whoever comes is refused, or has another pool. */
static bool is_left_behind(const struct pool *pool)
{
	return pool->database == NULL || pool->is_superseded;
}

static bool is_unused(const struct pool *pool)
{
	return pool->client_count == 0 && pool->waiting_count == 0 &&
	       (!pool->paused || is_left_behind(pool)) && pool_server_count(pool) == 0 &&
	       pool->retiring == 0;
}

/* Whether whoever comes now is told how the last login has failed. */
static bool is_a_warning(const struct pool *pool, int64_t now)
{
	return pool->failures > 0 && now < pool->retry_at;
}

bool disuse_is_from_birth(const struct pool *pool, int64_t now)
{
	bool has_forced_user = pool->database != NULL && pool->database->user != NULL;

	return is_unused(pool) && !is_a_warning(pool, now) &&
	       (pool->replication != NULL ||
		(parameters_count(pool->welcome) == 0 && !has_forced_user));
}

static bool is_of_fallback(const struct pool *pool)
{
	return pool->database != NULL && database_is_fallback(pool->database);
}

/* The sooner of the times that hold for it; 0: it is kept for ever. */
static int64_t time_kept(const struct pool *pool)
{
	int64_t any = pool->settings->pool_idle_timeout_us;
	int64_t by_star = pool->settings->autodb_idle_timeout_us;

	if (by_star <= 0 || !is_of_fallback(pool))
		return any;
	return any > 0 && any < by_star ? any : by_star;
}

/* As its settings say; it may have no server all the same, as long as none can be reached. */
static bool keeps_servers_ready(const struct pool *pool)
{
	return !pool->is_private && limits_minimum(pool) > 0;
}

bool disuse_is_over_time(struct pool *pool, int64_t now)
{
	int64_t limit = time_kept(pool);

	if (!is_unused(pool) || keeps_servers_ready(pool))
		pool->unused_since = 0;
	else if (pool->unused_since == 0)
		pool->unused_since = now;
	if (pool->unused_since == 0)
		return false;
	return is_left_behind(pool) || (limit > 0 && now - pool->unused_since >= limit);
}
