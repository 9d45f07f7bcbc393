/* SHOW STATS and its variants: the counters of pool/stats.def, summed by database or altogether. */
#include <string.h>

#include "conf/array.h"
#include "daemon/console/console_stats.h"
#include "daemon/console/show.h"
#include "daemon/daemon.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/session_walk.h"
#include "daemon/worker.h"
#include "pool/pools.h"

/* --- sums --------------------------------------------------------------------------------- */

struct sums {
	struct stats total;
	struct stats before; /* as of `since` */
	int64_t since;
};

static void add(struct sums *sums, const struct stats *total, const struct stats *before)
{
	stats_add(&sums->total, total);
	stats_add(&sums->before, before);
}

static void add_pool(struct sums *sums, const struct pool *pool)
{
	struct stats total;
	const struct stats_periods *periods = &pool->pools->periods;

	pool_stats(pool, &total);
	add(sums, &total, stats_past_before(&pool->past, periods));
	sums->since = periods->last_began_at;
}

static void add_console(struct sums *sums, struct daemon *daemon)
{
	struct stats total, before;

	sums->since = console_stats_look(daemon, &total, &before);
	add(sums, &total, &before);
}

static void average(struct stats *average, const struct sums *sums)
{
	stats_average(average, &sums->before, &sums->total, loop_now() - sums->since);
}

static void put_stats(struct table *table, const struct stats *stats)
{
#define COUNTER(name, unit, help) table_number(table, (int64_t)stats->name);
#include "pool/stats.def"
}

static void put_console(struct table *table, struct worker *here,
			void (*put)(struct table *table, const struct sums *sums))
{
	struct sums sums = {0};

	add_console(&sums, here->daemon);
	table_text(table, CONSOLE_NAME);
	put(table, &sums);
}

/* Calls `put` for each database with the sum of its pools, and for the console. */
static void await_each_database(struct table *table, struct worker *here,
				void (*put)(struct table *table, const struct sums *sums))
{
	size_t count;
	struct pool **pools = pools_by_names(table, here->pools, &count);
	struct sums sums = {0};
	size_t steps = 0;
	bool console_is_put = false;

	for (size_t i = 0; i < count; i++) {
		await_give_way(here, &steps);
		const char *name = pools[i]->database_name;
		if (show_console_is_next(&console_is_put, name))
			put_console(table, here, put);
		pools_lock(here->pools);
		add_pool(&sums, pools[i]);
		pools_unlock(here->pools);
		if (i + 1 < count && strcmp(pools[i + 1]->database_name, name) == 0)
			continue;
		table_text(table, name);
		put(table, &sums);
		sums = (struct sums){0};
	}
	if (show_console_is_next(&console_is_put, NULL))
		put_console(table, here, put);
	pools_by_names_free(here->pools, pools);
}

/* --- by database -------------------------------------------------------------------------- */

static void put_totals(struct table *table, const struct sums *sums)
{
	put_stats(table, &sums->total);
}

static void put_averages(struct table *table, const struct sums *sums)
{
	struct stats averages;

	average(&averages, sums);
	put_stats(table, &averages);
}

static void put_both(struct table *table, const struct sums *sums)
{
	put_totals(table, sums);
	put_averages(table, sums);
}

static void await_stats_rows(struct table *table, struct worker *here)
{
	await_each_database(table, here, put_both);
}

static void await_stats_totals_rows(struct table *table, struct worker *here)
{
	await_each_database(table, here, put_totals);
}

static void await_stats_averages_rows(struct table *table, struct worker *here)
{
	await_each_database(table, here, put_averages);
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

static void totals_rows(struct table *table, struct worker *here)
{
	struct sums sums = {0};
	struct stats averages;
	struct pools *pools = here->pools;

	pools_keep(pools);
	for (struct pool *pool = pools_first(pools); pool != NULL; pool = pools_next(pool))
		add_pool(&sums, pool);
	pools_let_go(pools);
	add_console(&sums, here->daemon);
	average(&averages, &sums);
	put_list(table, "total", &sums.total);
	put_list(table, "avg", &averages);
}

const struct show show_totals = {"TOTALS", "name text, value numeric", totals_rows, NULL};
