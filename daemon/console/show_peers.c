/* SHOW PEERS and PEER_POOLS: the other poolers of the group, and the cancel requests on their way to them. */
#include <stdlib.h>
#include <string.h>

#include "conf/settings.h"
#include "daemon/console/show.h"
#include "daemon/daemon.h"
#include "daemon/forward.h"
#include "daemon/session.h"
#include "daemon/worker.h"

static int compare_by_id(const void *one, const void *other)
{
	return ((const struct peer_entry *)one)->id - ((const struct peer_entry *)other)->id;
}

static void peer_rows(struct table *table, struct worker *here)
{
	const struct settings *settings = here->settings;
	size_t count = settings->peer_count;
	struct peer_entry *sorted = calloc(count + 1, sizeof *sorted);

	table->writer->failed |= sorted == NULL;
	if (sorted == NULL)
		return;
	if (count > 0)
		memcpy(sorted, settings->peers, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, compare_by_id);
	for (size_t i = 0; i < count; i++) {
		table_number(table, sorted[i].id);
		table_text(table, sorted[i].host);
		table_number(table, sorted[i].port);
		table_number(table, settings_peer_pool_size(settings, &sorted[i]));
	}
	free(sorted);
}

/* What is being connected is for a request that waits. */
static void put_peer_pool(void *context, const struct forward_view *view)
{
	struct table *table = context;

	table_number(table, view->peer_id);
	table_number(table, view->sent);
	table_number(table, view->waiting + view->connecting);
	table_number(table, view->sent);
	table_number(table, view->connecting);
}

static void peer_pool_rows(struct table *table, struct worker *worker, const struct session *asker)
{
	(void)asker;
	if (worker->index == 0)
		forwards_each(&worker->daemon->forwards, put_peer_pool, table);
}

const struct show show_peers = {"PEERS", "peer_id int4, host text, port int4, pool_size int4",
				peer_rows, NULL};
const struct show show_peer_pools = {
	"PEER_POOLS",
	"peer_id int4, cl_active_cancel_req int4, cl_waiting_cancel_req int4, "
	"sv_active_cancel int4, sv_login int4",
	NULL, peer_pool_rows};
