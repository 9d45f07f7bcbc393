#include "pool/limits.h"

#include <string.h>

#include "pool/namesakes.h"
#include "pool/policy.h"
#include "pool/pools.h"

size_t limits_size(const struct pool *pool)
{
	return pool->database == NULL ? 0 :
		       (size_t)settings_pool_size(pool->settings, pool->database, pool->user);
}

static size_t reserve(const struct pool *pool)
{
	return (size_t)settings_reserve_pool_size(pool->settings, pool->database, pool->user);
}

size_t limits_most(const struct pool *pool)
{
	return limits_size(pool) + reserve(pool);
}

size_t limits_minimum(const struct pool *pool)
{
	bool has_none = pool->database == NULL || pool->replication != NULL || pool->is_superseded;

	return has_none ? 0 :
			  (size_t)settings_min_pool_size(pool->settings, pool->database, pool->user);
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

/* What a limit holds for: all pools that have this in common with one. */
enum span { NAMES, DATABASE, USER };

static bool is_within(const struct pool *pool, const struct pool *other, enum span span)
{
	if (span == NAMES)
		return namesakes_share_size(pool, other);
	return span == DATABASE ? strcmp(other->database_name, pool->database_name) == 0 :
				  strcmp(other->user_name, pool->user_name) == 0;
}

static size_t count_within(const struct pool *pool, enum span span)
{
	if (span == NAMES)
		return namesakes_server_count(pool);
	return span == DATABASE ? pools_count_database(pool->pools, pool->database_name) :
				  pools_count_user(pool->pools, pool->user_name);
}

/* One after the other of those that may be within, the first behind NULL. */
static struct pool *next_within(const struct pool *pool, const struct pool *behind, enum span span)
{
	if (span == NAMES)
		return namesakes_next(pool, behind);
	return behind == NULL ? pool->pools->first : behind->next;
}

/* Makes room under a limit that spans pools, at the cost of one that has more than it uses. */
static bool evict_idle(const struct pool *pool, enum span span)
{
	for (struct pool *other = NULL; (other = next_within(pool, other, span)) != NULL;) {
		struct server *victim = oldest_idle(other);
		if (other == pool || victim == NULL || other->waiting_count > 0 ||
		    !is_within(pool, other, span))
			continue;
		policy_retire(victim, "evicted");
		return true;
	}
	return false;
}

/* Whether a limit that spans pools allows a server more; `may_evict` to make it so. */
static bool has_room(const struct pool *pool, enum span span, size_t most, bool may_evict)
{
	while (count_within(pool, span) >= most)
		if (!may_evict || !evict_idle(pool, span))
			return false;
	return true;
}

/* 0: there is no such limit. */
static size_t most_within(const struct pool *pool, enum span span)
{
	int most = span == DATABASE ? settings_max_db_connections(pool->settings, pool->database) :
				      settings_max_user_connections(pool->settings, pool->user);
	return most > 0 ? (size_t)most : 0;
}

static bool wider_limit_allows(const struct pool *pool, enum span span, bool may_evict)
{
	size_t most = most_within(pool, span);
	return most == 0 || has_room(pool, span, most, may_evict);
}

static bool wider_limits_allow(const struct pool *pool, bool may_evict)
{
	return wider_limit_allows(pool, DATABASE, may_evict) &&
	       wider_limit_allows(pool, USER, may_evict);
}

/* Most often the pool alone has reached its size; then its namesakes need not be asked. */
static bool own_limit_allows(const struct pool *pool, int64_t now, bool may_evict)
{
	size_t most = reserve_is_open(pool, now) ? limits_most(pool) : limits_size(pool);
	return pool_server_count(pool) < most && has_room(pool, NAMES, most, may_evict);
}

bool limits_allow_if_room(const struct pool *pool, int64_t now)
{
	if (pool->database == NULL || pool->paused || pool->pools->stopping)
		return false;
	/* While logins fail, one at a time is enough to learn when that ends. */
	return pool->failures == 0 ||
	       (now >= pool->retry_at && pool->servers[SERVER_LOGIN].count == 0);
}

bool limits_allow(const struct pool *pool, int64_t now, bool may_evict)
{
	return limits_allow_if_room(pool, now) && own_limit_allows(pool, now, may_evict) &&
	       wider_limits_allow(pool, may_evict);
}

bool limits_hold_up(const struct pool *pool, int64_t now)
{
	return limits_allow_if_room(pool, now) && own_limit_allows(pool, now, false) &&
	       !wider_limits_allow(pool, false);
}

/* Whether a limit allows `pool` a server more when `other` has one less. */
static bool would_allow(const struct pool *pool, const struct pool *other, enum span span)
{
	size_t most = most_within(pool, span);
	return most == 0 || count_within(pool, span) < most + is_within(pool, other, span);
}

/* Whether a limit that holds `pool` up counts what `other` has. Cheap, since it is asked at each return. */
static bool is_shared(const struct pool *pool, const struct pool *other, enum span span)
{
	return most_within(pool, span) > 0 && is_within(pool, other, span);
}

struct pool *limits_held_up_by(const struct pool *pool, int64_t now)
{
	struct pool *earliest = NULL;

	if (pool->pools->held_up_count == 0)
		return NULL;
	for (struct pool *other = pool->pools->first; other != NULL; other = other->next) {
		if (other == pool || !other->is_held_up ||
		    (!is_shared(other, pool, DATABASE) && !is_shared(other, pool, USER)) ||
		    !limits_allow_if_room(other, now) ||
		    (earliest != NULL &&
		     other->first_waiting->since >= earliest->first_waiting->since))
			continue;
		if (would_allow(other, pool, DATABASE) && would_allow(other, pool, USER))
			earliest = other;
	}
	return earliest;
}

struct pool_cap limits_full_cap(const struct pool *pool)
{
	static const enum pool_cap_kind kinds[] = {[DATABASE] = CAP_OF_DATABASE,
						   [USER] = CAP_OF_USER};

	for (enum span span = DATABASE; span <= USER; span++) {
		size_t most = most_within(pool, span);
		size_t count = most > 0 ? count_within(pool, span) : 0;
		if (most > 0 && count >= most && count_within(pool, NAMES) < limits_size(pool))
			return (struct pool_cap){kinds[span], count, most};
	}
	return (struct pool_cap){0};
}
