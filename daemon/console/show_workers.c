/* SHOW WORKERS: who does how much. */
#include "daemon/console/show.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/pools.h"
#include "pool/roster.h"

static size_t count_servers(const struct worker *worker)
{
	size_t count = 0;

	pools_keep(worker->pools);
	for (struct pool *pool = pools_first(worker->pools); pool != NULL; pool = pools_next(pool))
		for (struct server *server = NULL; (server = roster_next(pool, server)) != NULL;)
			count += server->worker == worker->index;
	pools_let_go(worker->pools);
	return count;
}

static void worker_row(struct table *table, const struct worker *worker)
{
	const struct worker_load *load = &worker->load;

	table_number(table, worker->index);
	table_number(table, worker->tid);
	table_text(table, worker->is_stalled ? "stalled" : "running");
	table_number(table, (int64_t)worker->session_count);
	table_number(table, load->active);
	table_number(table, (int64_t)count_servers(worker));
	table_format(table, "%u.%u", load->permille / 10, load->permille % 10);
	table_number(table, (int64_t)worker->running_count);
	table_number(table, (int64_t)load->moved_in);
	table_number(table, (int64_t)load->moved_out);
	table_number(table, (int64_t)load->servers_in);
}

static void worker_rows(struct table *table, struct worker *worker)
{
	for (unsigned i = 0; i < worker->count; i++)
		worker_row(table, &worker->all[i]);
}

const struct show show_workers = {
	"WORKERS",
	"worker int4, thread_id int4, state text, clients int4, active_clients int4, servers int4, "
	"utilisation_percent numeric, coroutines int4, clients_moved_in int8, "
	"clients_moved_out int8, servers_moved_in int8",
	worker_rows, NULL};
