/*
 * All pools of the process, by database and user, with what they share: limits across pools,
 * numbers, parameter sets, prepared statements, the settings in force.
 */
#ifndef MILLPOND_POOL_POOLS_H
#define MILLPOND_POOL_POOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/settings.h"
#include "pool/pool.h"

#define POOL_BUCKETS 1024

struct pools {
	struct settings *settings; /* held */
	const struct pool_calls *calls;
	void *context; /* of the calls */
	struct parameter_table *parameters;
	struct statement_table *statements;
	struct pool *first;
	struct pool *last;
	struct pool *buckets[POOL_BUCKETS];
	uint64_t last_pool_id;
	uint64_t last_id; /* one counter for clients and servers */
	uint64_t random;  /* state of the jitter */
	bool stopping;	  /* nothing is lent any more */
	bool paused;	  /* new pools begin paused */
};

/* `seed` decides the jitter of retries. False without memory. */
bool pools_init(struct pools *pools, struct settings *settings, const struct pool_calls *calls,
		void *context, uint64_t seed);

/* All servers must have been retired, and no session may be left. */
void pools_release(struct pools *pools);

/*
 * The pool of a database for a user, made when it is new. `database` is an entry of the present
 * settings. NULL without memory.
 */
struct pool *pools_find(struct pools *pools, const struct database *database,
			const char *database_name, const char *user_name);

/*
 * Takes new settings over: limits hold at once; servers of an entry that now leads elsewhere are
 * not lent again; pools with minimum sizes and forced users come to be.
 */
void pools_adopt(struct pools *pools, struct settings *settings, int64_t now);

void pools_tick(struct pools *pools, int64_t now);

/*
 * Frees the pools that exist only because some client named them: nobody uses them, and no server
 * has ever agreed to a login for them. Pointers to such pools must not be kept.
 */
void pools_forget_idle_talk(struct pools *pools);

/* Computes the averages of all pools over the period that ends now. */
void pools_end_period(struct pools *pools, int64_t elapsed_us);

/* Retires every idle server and refuses every borrower. */
void pools_stop(struct pools *pools, int64_t now);

uint64_t pools_next_id(struct pools *pools);
uint64_t pools_random(struct pools *pools);

/* Server connections of a database or of a user, over all pools. */
size_t pools_count_database(const struct pools *pools, const char *database_name);
size_t pools_count_user(const struct pools *pools, const char *user_name);
size_t pools_server_count(const struct pools *pools);

#endif
