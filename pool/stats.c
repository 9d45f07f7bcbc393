#include "pool/stats.h"

void stats_add(struct stats *sum, const struct stats *more)
{
#define COUNTER(name, unit, help) sum->name += __atomic_load_n(&more->name, __ATOMIC_RELAXED);
#include "pool/stats.def"
}

static uint64_t per(uint64_t amount, uint64_t count)
{
	return count == 0 ? 0 : amount / count;
}

void stats_average(struct stats *average, const struct stats *before, const struct stats *after,
		   int64_t elapsed_us)
{
	uint64_t elapsed = elapsed_us > 0 ? (uint64_t)elapsed_us : 1;

#define COUNTER(name, unit, help)                                                                  \
	average->name = (uint64_t)((double)(after->name - before->name) * 1e6 / (double)elapsed);
#include "pool/stats.def"
	average->xact_time =
		per(after->xact_time - before->xact_time, after->xact_count - before->xact_count);
	average->query_time =
		per(after->query_time - before->query_time, after->query_count - before->query_count);
	/* PgBouncer shows the waiting per second of the period, not per query. */
}

void stats_periods_init(struct stats_periods *periods, int64_t now)
{
	/* So that what comes at once is not divided by next to nothing. */
	*periods = (struct stats_periods){.began_at = now, .last_began_at = now - 1000000};
}

void stats_periods_next(struct stats_periods *periods, int64_t now)
{
	periods->number++;
	periods->last_began_at = periods->began_at;
	periods->began_at = now;
}

void stats_past_keep(struct stats_past *past, const struct stats_periods *periods,
		     const struct stats *stats)
{
	past->number = periods->number;
	past->last_began = past->began;
	past->began = *stats;
}

const struct stats *stats_past_before(const struct stats_past *past,
				      const struct stats_periods *periods)
{
	return past->number == periods->number ? &past->last_began : &past->began;
}
