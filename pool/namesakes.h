/*
 * Pools of the same database and user. Those of replication clients, whose servers are logged in to with
 * the clients' own words, stand beside the one of all others, and so does the daemon's own; but to
 * those who set a pool's size, and who look at it, they are one pool. All of it is for those who hold
 * the lock (pools_lock).
 */
#ifndef MILLPOND_POOL_NAMESAKES_H
#define MILLPOND_POOL_NAMESAKES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool;
struct pools;

/* One after the other, the pool itself among them: the first behind NULL. NULL: there are no more. */
struct pool *namesakes_next(const struct pool *pool, const struct pool *behind);

/* Whether it is the oldest of them, which stands for all. */
bool namesakes_is_first(const struct pool *pool);

/* Whether they share the pool's size: the daemon's own is apart, and one that a reload has left behind. */
bool namesakes_share_size(const struct pool *one, const struct pool *other);

/* The servers that count for the pool's size. */
size_t namesakes_server_count(const struct pool *pool);

/* The one in which somebody waits for room, for longer than anybody in this one; or NULL. */
struct pool *namesakes_earlier(const struct pool *pool);

/* A server has gone: whoever waits in one of the others may get another in its place. */
void namesakes_provide(const struct pool *pool, int64_t now);

/* How many pools there are by their names. */
size_t namesakes_count(struct pools *pools);

#endif
