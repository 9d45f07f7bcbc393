/*
 * Counters of a pool. They only grow; averages are differences between two snapshots.
 */
#ifndef MILLPOND_POOL_STATS_H
#define MILLPOND_POOL_STATS_H

#include <stdint.h>

struct stats {
#define COUNTER(name, unit, help) uint64_t name;
#include "pool/stats.def"
};

/* Adds each counter of `more` to `sum`. */
void stats_add(struct stats *sum, const struct stats *more);

/*
 * What a second, a transaction or a query took on average between two snapshots: counts and bytes
 * are per second, times are per the matching count.
 */
void stats_average(struct stats *average, const struct stats *before, const struct stats *after,
		   int64_t elapsed_us);

#endif
