/*
 * What happens to one pool alone only in tests: the rules, with the lock held.
 */
#ifndef MILLPOND_TESTS_UNIT_UNDER_LOCK_H
#define MILLPOND_TESTS_UNIT_UNDER_LOCK_H

#include "pool/policy.h"
#include "pool/pools.h"

__attribute__((unused)) static void pool_pause(struct pool *pool, int64_t now)
{
	pools_lock(pool->pools);
	policy_pause(pool, now);
	pools_unlock(pool->pools);
}

__attribute__((unused)) static void pool_resume(struct pool *pool, int64_t now)
{
	pools_lock(pool->pools);
	policy_resume(pool, now);
	pools_unlock(pool->pools);
}

__attribute__((unused)) static void pool_reconnect(struct pool *pool, const char *reason)
{
	pools_lock(pool->pools);
	policy_reconnect(pool, reason);
	pools_unlock(pool->pools);
}

/* A pool that no client has joined. */
__attribute__((unused)) static struct pool *pools_find(struct pools *pools,
						       const struct database *database,
						       const char *database_name,
						       const char *user_name)
{
	struct pool *pool = pools_join(pools, database, database_name, user_name, NULL);

	pool_client_leaves(pool);
	return pool;
}

#endif
