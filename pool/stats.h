/*
 * Counters of a pool. They only grow; averages are differences to a snapshot. Each worker has
 * counters of its own, which it alone counts up, and others may read meanwhile. But wait_time is counted
 * by whoever lends the server, under the lock of the pools.
 *
 * As with PgBouncer, averages go from the beginning of the last whole period until now: they tell what has just
 * happened, and never of less than a period, but for the first.
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

/* When averages begin. All zeros: no period has begun. */
struct stats_periods {
	unsigned number;
	int64_t began_at; /* the present one */
	int64_t last_began_at;
};

/* The first begins now. */
void stats_periods_init(struct stats_periods *periods, int64_t now);

/* The next begins now. */
void stats_periods_next(struct stats_periods *periods, int64_t now);

/* Snapshots of some counters. All zeros: they have begun to count in the present period. */
struct stats_past {
	unsigned number; /* of the period at whose beginning the later one was taken */
	struct stats began;
	struct stats last_began;
};

/* Takes the snapshot of the period that has begun. */
void stats_past_keep(struct stats_past *past, const struct stats_periods *periods,
		     const struct stats *stats);

/* What was counted as the last period began, also while the snapshot of the present one has yet to be taken. */
const struct stats *stats_past_before(const struct stats_past *past,
				      const struct stats_periods *periods);

#endif
