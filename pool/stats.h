/*
 * Counters of a pool. They only grow; averages are differences between two snapshots. Each worker has
 * counters of its own, which it alone counts up, and others may read meanwhile. But wait_time is counted
 * by whoever lends the server, under the lock of the pools.
 */
#ifndef MILLPOND_POOL_STATS_H
#define MILLPOND_POOL_STATS_H

#include <stdint.h>

struct stats {
#define COUNTER(name, unit, help) uint64_t name;
#include "pool/stats.def"
};

/* Counts up; no other thread may do so meanwhile. */
static inline void stats_count(uint64_t *counter, uint64_t amount)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + amount,
			 __ATOMIC_RELAXED);
}

/* Adds each counter of `more`, which may be counting, to `sum`. */
void stats_add(struct stats *sum, const struct stats *more);

/*
 * What a second, a transaction or a query took on average between two snapshots: counts and bytes
 * are per second, times are per the matching count.
 */
void stats_average(struct stats *average, const struct stats *before, const struct stats *after,
		   int64_t elapsed_us);

#endif
