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

/* Whether a database had an entry of its own, and has none now: "*" does not take its place. */
bool database_is_lost(const struct database *before, const struct database *now);

/* Finds what the settings, which are held from then on, say about a pool; or for one worker's part of it. */
void pool_use_settings(struct pool *pool, struct settings *settings);
void pool_share_use_settings(const struct pool *pool, struct pool_share *share,
			     struct settings *settings);

/* The same, and draws the consequences: see pools_adopt() and pools_adopt_share(). */
void pool_adopt(struct pool *pool, struct settings *settings, bool same_tls);
void pool_adopt_share(struct pool *pool, unsigned worker, struct settings *settings);

#endif
