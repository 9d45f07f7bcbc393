/* SHOW STATS and its variants: the counters of pool/stats.def, summed by database or altogether. */
#include <string.h>

#include "conf/array.h"
#include "daemon/console/console_stats.h"
#include "daemon/console/show.h"
#include "daemon/daemon.h"
#include "daemon/session.h"
#include "daemon/session_walk.h"
#include "daemon/worker.h"
#include "pool/pools.h"

/* --- sums --------------------------------------------------------------------------------- */

struct sums {
	struct stats total;
	struct stats average;
};

static uint64_t weighted(uint64_t time_a, uint64_t count_a, uint64_t time_b, uint64_t count_b)
{
	uint64_t count = count_a + count_b;
	/* Less than one a second, which is shown as none, may still have taken time. */
	if (count == 0)
		return time_a > time_b ? time_a : time_b;
	return (time_a * count_a + time_b * count_b) / count;
}

/* Averages per second add up; those per transaction or query count as often as there were any. */
static void add(struct sums *sums, const struct stats *total, const struct stats *b)
{
	struct stats *a = &sums->average;
	uint64_t xact = weighted(a->xact_time, a->xact_count, b->xact_time, b->xact_count);
	uint64_t query = weighted(a->query_time, a->query_count, b->query_time, b->query_count);

	stats_add(&sums->total, total);
	stats_add(a, b);
	a->xact_time = xact;
	a->query_time = query;
}

static void add_pool(struct sums *sums, const struct pool *pool)
{
	struct stats total;

	pool_stats(pool, &total);
	add(sums, &total, &pool->average);
}

static void put_stats(struct table *table, const struct stats *stats)
{
#define COUNTER(name, unit, help) table_number(table, (int64_t)stats->name);
#include "pool/stats.def"
}

static void put_console(struct table *table, const struct session *asker,
			void (*put)(struct table *table, const struct sums *sums))
{
	struct sums sums;

	console_stats_look(asker->worker->daemon, &sums.total, &sums.average);
	table_text(table, CONSOLE_NAME);
	put(table, &sums);
}

/* Calls `put` for each database with the sum of its pools, and for the console. */
static void await_each_database(struct table *table, const struct session *asker,
			  void (*put)(struct table *table, const struct sums *sums))
{
	size_t count;
	struct pool **pools = pools_by_names(table, asker->worker->pools, &count);
	struct sums sums = {0};
	size_t steps = 0;
	bool console_is_put = false;

	for (size_t i = 0; i < count; i++) {
		await_give_way(asker->worker, &steps);
		const char *name = pools[i]->database_name;
		if (show_console_is_next(&console_is_put, name))
			put_console(table, asker, put);
		pools_lock(asker->worker->pools);
		add_pool(&sums, pools[i]);
		pools_unlock(asker->worker->pools);
		if (i + 1 < count && strcmp(pools[i + 1]->database_name, name) == 0)
			continue;
		table_text(table, name);
		put(table, &sums);
		sums = (struct sums){0};
	}
	if (show_console_is_next(&console_is_put, NULL))
		put_console(table, asker, put);
	pools_by_names_free(asker->worker->pools, pools);
}

/* --- by database -------------------------------------------------------------------------- */

static void put_both(struct table *table, const struct sums *sums)
{
	put_stats(table, &sums->total);
	put_stats(table, &sums->average);
}

static void put_totals(struct table *table, const struct sums *sums)
{
	put_stats(table, &sums->total);
}

static void put_averages(struct table *table, const struct sums *sums)
{
	put_stats(table, &sums->average);
}

static void await_stats_rows(struct table *table, const struct session *asker)
{
	await_each_database(table, asker, put_both);
}

static void await_stats_totals_rows(struct table *table, const struct session *asker)
{
	await_each_database(table, asker, put_totals);
}

static void await_stats_averages_rows(struct table *table, const struct session *asker)
{
	await_each_database(table, asker, put_averages);
}

#define COUNTER(name, unit, help) ", total_" #name " numeric"
const struct show show_stats = {
	"STATS",
	"database text"
#include "pool/stats.def"
	", avg_server_assignment_count numeric, avg_xact_count numeric, avg_query_count numeric, "
	"avg_recv numeric, avg_sent numeric, avg_xact_time numeric, avg_query_time numeric, "
	"avg_wait_time numeric, avg_client_parse_count numeric, avg_server_parse_count numeric, "
	"avg_bind_count numeric, avg_client_login_count numeric",
	await_stats_rows, NULL};

#define COMMON_COLUMNS                                                                         \
	"database text, server_assignment_count numeric, xact_count numeric, "                 \
	"query_count numeric, bytes_received numeric, bytes_sent numeric, xact_time numeric, " \
	"query_time numeric, wait_time numeric, "

const struct show show_stats_totals = {"STATS_TOTALS",
				       COMMON_COLUMNS
				       "client_parse_count numeric, server_parse_count numeric, "
				       "bind_count numeric, client_login_count numeric",
				       await_stats_totals_rows, NULL};

const struct show show_stats_averages = {
	"STATS_AVERAGES",
	COMMON_COLUMNS "avg_client_parse_count numeric, avg_server_parse_count numeric, "
		       "avg_bind_count numeric, avg_client_login_count numeric",
	await_stats_averages_rows, NULL};

/* --- altogether --------------------------------------------------------------------------- */

/* In the order of pool/stats.def. */
static const char *const totals_names[] = {
	"server_assignment_count",
	"xact_count",
	"query_count",
	"client_bytes",
	"server_bytes",
	"xact_time",
	"query_time",
	"wait_time",
	"ps_client_parse_count",
	"ps_server_parse_count",
	"ps_bind_count",
	"client_login_count",
};

_Static_assert(ARRAY_SIZE(totals_names) == sizeof(struct stats) / sizeof(uint64_t),
	       "each counter has a name in SHOW TOTALS");

static void put_list(struct table *table, const char *prefix, const struct stats *stats)
{
	size_t i = 0;

#define COUNTER(name, unit, help)                                \
	table_format(table, "%s_%s", prefix, totals_names[i++]); \
	table_number(table, (int64_t)stats->name);
#include "pool/stats.def"
}

static void totals_rows(struct table *table, const struct session *asker)
{
	struct sums sums = {0};
	struct sums console;
	struct pools *pools = asker->worker->pools;

	pools_keep(pools);
	for (struct pool *pool = pools_first(pools); pool != NULL; pool = pools_next(pool))
		add_pool(&sums, pool);
	pools_let_go(pools);
	console_stats_look(asker->worker->daemon, &console.total, &console.average);
	add(&sums, &console.total, &console.average);
	put_list(table, "total", &sums.total);
	put_list(table, "avg", &sums.average);
}

const struct show show_totals = {"TOTALS", "name text, value numeric", totals_rows, NULL};
