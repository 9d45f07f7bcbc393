/*
 * How many servers a pool may have: its own size, and the limits that span pools. Whoever calls has
 * the lock.
 */
#ifndef MILLPOND_POOL_LIMITS_H
#define MILLPOND_POOL_LIMITS_H

#include "pool/pool.h"

/* The size of the pool without its reserve, and with it. */
size_t limits_size(const struct pool *pool);
size_t limits_most(const struct pool *pool);

/* How many of them are kept ready. */
size_t limits_minimum(const struct pool *pool);

/* The first limit that spans pools and allows no more, though the pool's own size does. */
struct pool_cap limits_full_cap(const struct pool *pool);

/* Whether one more might be made now if there were room for it. */
bool limits_allow_if_room(const struct pool *pool, int64_t now);

/* Whether one more may be made now; `may_evict`: at the cost of one that rests in another pool. */
bool limits_allow(const struct pool *pool, int64_t now, bool may_evict);

/* Whether only a limit that spans pools is in the way of one more. */
bool limits_hold_up(const struct pool *pool, int64_t now);

/* Of the pools that are held up and could have a server if this one gave one up, that whose first client
 * came first; or NULL. */
struct pool *limits_held_up_by(const struct pool *pool, int64_t now);

#endif
