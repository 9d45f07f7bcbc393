/*
 * All pools of the process, by database and user, with what they share: limits across pools,
 * numbers, parameter sets, prepared statements, the settings in force, and the lock. It is held for as
 * long as a decision takes, which is well under a microsecond, and never while anything is done.
 */
#ifndef MILLPOND_POOL_POOLS_H
#define MILLPOND_POOL_POOLS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/settings.h"
#include "pool/deferred.h"
#include "pool/pauses.h"
#include "pool/pool.h"

struct pools {
	pthread_mutex_t lock;
	unsigned worker_count;
	struct deferred deferred;
	struct settings *settings; /* held */
	const struct pool_calls *calls;
	void *context; /* of the calls */
	struct parameter_table *parameters;
	struct statement_table *statements;
	/* How often clients have altered something: what was prepared before may be outdated. */
	atomic_uint alterations;
	struct pool *first;
	struct pool *last;
	struct hash_table table;
	uint64_t last_pool_id;
	_Atomic uint64_t last_id; /* one counter for clients and servers */
	uint64_t random;	  /* state of the jitter */
	atomic_size_t server_count; /* of all pools; asked for at each accept */
	size_t replication_waiting_count; /* clients in the queues of such pools */
	size_t held_up_count; /* pools that are held up */
	bool stopping;	  /* nothing is lent any more */
	bool paused;	  /* all pools are */
	struct pauses pauses; /* the pools of these databases are */
	struct stats_periods periods; /* the main thread begins them, under the lock */
	struct stats forgotten;	      /* the counters of pools that are no more */
	unsigned keepers; /* while there are any no pool is forgotten */
};

/* `seed` decides the jitter of retries. False without memory. */
bool pools_init(struct pools *pools, struct settings *settings, unsigned worker_count,
		const struct pool_calls *calls, void *context, uint64_t seed);

/* All servers must have been retired, and no session may be left. */
void pools_release(struct pools *pools);

/* Between these two the lists of pools and servers stand still; the second does what was decided. */
void pools_lock(struct pools *pools);
void pools_unlock(struct pools *pools);

/*
 * Between these two no pool is forgotten, so that one can be looked at after the other:
 *
 *	for (struct pool *pool = pools_first(pools); pool != NULL; pool = pools_next(pool))
 *
 * In the body of such a loop the lock is held, and it is let go between two pools, so that nobody has
 * to wait for a long list. It must not be left before its end.
 */
void pools_keep(struct pools *pools);
void pools_let_go(struct pools *pools);
struct pool *pools_first(struct pools *pools);
struct pool *pools_next(struct pool *pool);

/*
 * The pool of a database for a user, made when it is new. `database` is an entry of settings in force.
 * NULL without memory. Counts a client in it, until pool_client_leaves(); a replication client has another
 * pool than those who are none (`replication` is NULL).
 */
struct pool *pools_join(struct pools *pools, const struct database *database,
			const char *database_name, const char *user_name,
			const struct replication *replication);

/*
 * The pool in which the daemon itself asks something in a database, as some user; whatever user the
 * entry forces upon clients, and apart from any pool that they use. Counts as pools_join() does.
 */
struct pool *pools_join_private(struct pools *pools, const char *database_name,
				const char *user_name);

/*
 * Takes new settings over: limits hold at once; servers of an entry that now leads elsewhere,
 * or has another pool_mode, are not lent again; pools with minimum sizes and forced users come to be.
 */
void pools_adopt(struct pools *pools, struct settings *settings, int64_t now);

/* The same for what a worker's sessions go by; called in its thread, after pools_adopt(). */
void pools_adopt_share(struct pools *pools, unsigned worker, struct settings *settings);

/* Called a few times a second: sees to what only time brings about, such as servers that have rested for too long. */
void pools_tick(struct pools *pools, int64_t now);

/*
 * Frees the pools that exist only because some client named them, and those that nobody has used for as long as
 * they are kept (see disuse.h). Answers how many the latter were. Pointers to such pools must not be kept.
 */
size_t pools_forget_idle(struct pools *pools, int64_t now);

/*
 * Stops lending in the pools of a database and closes what is idle there, or goes on; a pool is quiet when
 * it has no server left. Those to come are meant as well. `database_name` is NULL for a pause of all, which
 * is apart from those of single databases: a pool goes on when neither holds.
 * pools_pause() fails without memory, and never for all; pools_resume() answers whether there was that pause.
 */
bool pools_pause(struct pools *pools, const char *database_name, int64_t now);
bool pools_resume(struct pools *pools, const char *database_name, int64_t now);

/* A database that the settings in force do not have is paused no longer, and not when it comes back. */
void pools_resume_removed(struct pools *pools, int64_t now);

/* Whether there is a pause of all. */
bool pools_are_paused(struct pools *pools);

/* Whether a database, or with NULL any, has been paused by its name. */
bool pools_have_paused(struct pools *pools, const char *database_name);

/* No server that these pools have now will be lent again. */
void pools_reconnect(struct pools *pools, const char *database_name, const char *reason);

/* Whether a pool is one of those. */
bool pool_is_of(const struct pool *pool, const char *database_name);

/* The counters of all pools together. */
void pools_stats(struct pools *pools, struct stats *sum);

/* A period of the statistics ends now, and the next begins. */
void pools_end_period(struct pools *pools, int64_t now);

/* Retires every idle server and refuses every borrower. */
void pools_stop(struct pools *pools, int64_t now);

/* A number for a session or a server, from 1: no two have the same. */
uint64_t pools_next_id(struct pools *pools);

/* Good enough for jitter; for those who hold the lock. */
uint64_t pools_random(struct pools *pools);

/* How many there are, and how many servers they have together. */
size_t pools_count(struct pools *pools);
size_t pools_server_count(const struct pools *pools);

/* Server connections of a database or of a user, over all pools; for those who hold the lock. */
size_t pools_count_database(const struct pools *pools, const char *database_name);
size_t pools_count_user(const struct pools *pools, const char *user_name);

#endif
