#include "daemon/console/console_stats.h"

#include "daemon/daemon.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/worker.h"

void console_stats_ask(struct session *session, size_t bytes)
{
	struct stats *stats = &session->worker->console_stats;

	stats_count(&stats->received, bytes);
	if (session->is_asking)
		return;
	session->is_asking = true;
	stats_count(&stats->query_count, 1);
	if (!session->is_in_block)
		stats_count(&stats->xact_count, 1);
}

void console_stats_send(struct session *session, size_t bytes)
{
	stats_count(&session->worker->console_stats.sent, bytes);
}

/* Nobody on the console waits for a server, so a transaction takes as long as its queries do. */
void console_stats_ready(struct session *session)
{
	struct stats *stats = &session->worker->console_stats;
	uint64_t taken = (uint64_t)(loop_now() - session->request_at);

	if (!session->is_asking)
		return;
	session->is_asking = false;
	stats_count(&stats->query_time, taken);
	stats_count(&stats->xact_time, taken);
}

void console_stats_login(struct session *session)
{
	stats_count(&session->worker->console_stats.client_login_count, 1);
}

static void sum(const struct daemon *daemon, struct stats *total)
{
	*total = (struct stats){0};
	for (unsigned i = 0; i < daemon->worker_count; i++)
		stats_add(total, &daemon->workers[i].console_stats);
}

int64_t console_stats_look(struct daemon *daemon, struct stats *total, struct stats *before)
{
	pools_lock(&daemon->pools);
	sum(daemon, total);
	*before = *stats_past_before(&daemon->console_past, &daemon->pools.periods);
	int64_t since = daemon->pools.periods.last_began_at;
	pools_unlock(&daemon->pools);
	return since;
}

void console_stats_end_period(struct daemon *daemon)
{
	struct stats total;

	sum(daemon, &total);
	pools_lock(&daemon->pools);
	stats_past_keep(&daemon->console_past, &daemon->pools.periods, &total);
	pools_unlock(&daemon->pools);
}
