/*
 * When a pool that nobody uses may go. Whoever calls has the lock.
 */
#ifndef MILLPOND_POOL_DISUSE_H
#define MILLPOND_POOL_DISUSE_H

#include <stdbool.h>
#include <stdint.h>

struct pool;

/* Whether it exists only because some client named it: nobody uses it, and no server has ever let it log
 * in; but not while it still keeps others from trying what has just failed. */
bool disuse_is_from_birth(const struct pool *pool, int64_t now);

/*
 * Whether it has had neither clients nor servers for as long as such pools are kept (pool_idle_timeout; with a
 * database that only "*" stands for, also autodb_idle_timeout); not at all when its database is not in the
 * settings any more, or its clients are another user there. To be asked now and then, as it notes when that begins.
 */
bool disuse_is_over_time(struct pool *pool, int64_t now);

#endif
