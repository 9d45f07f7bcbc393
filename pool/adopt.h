/*
 * A pool and the settings that it goes by: which entry is its own, and what becomes of it, its servers and those who
 * wait when there are new ones. Whoever calls has the lock.
 */
#ifndef MILLPOND_POOL_ADOPT_H
#define MILLPOND_POOL_ADOPT_H

#include <stdbool.h>

struct database;
struct pool;
struct pool_share;
struct settings;

/*
 * Whether the clients of a database cannot go on with what its entry is now. It had one of its own, and has none:
 * "*" does not take its place. Or they were another user by it, and are so no more: nobody may have asked them to
 * prove the name that they came with.
 */
bool database_is_lost(const struct database *before, bool is_forced, const struct database *now);

/* Finds what the settings, which are held from then on, say about a pool; or for one worker's part of it. */
void pool_use_settings(struct pool *pool, struct settings *settings);
void pool_share_use_settings(const struct pool *pool, struct pool_share *share,
			     struct settings *settings);

/* The same, and draws the consequences: see pools_adopt() and pools_adopt_share(). */
void pool_adopt(struct pool *pool, struct settings *settings, bool same_tls);
void pool_adopt_share(struct pool *pool, unsigned worker, struct settings *settings);

#endif
