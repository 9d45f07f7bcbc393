/* SHOW POOLS, DATABASES and LISTS: who shares what. */
#include <stdlib.h>
#include <string.h>

#include "conf/field.h"
#include "conf/settings.h"
#include "daemon/cancel.h"
#include "daemon/console/show.h"
#include "daemon/daemon.h"
#include "daemon/errand.h"
#include "daemon/relay/upstream.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/session_walk.h"
#include "daemon/worker.h"
#include "pool/namesakes.h"
#include "pool/pools.h"

/* PgBouncer's console has pools of this size. */
#define CONSOLE_POOL_SIZE 2

/* --- helpers ------------------------------------------------------------------------------ */

static int compare_by_names(const void *a, const void *b)
{
	const struct pool *x = *(const struct pool *const *)a;
	const struct pool *y = *(const struct pool *const *)b;
	int order = strcmp(x->database_name, y->database_name);
	return order != 0 ? order : strcmp(x->user_name, y->user_name);
}

struct pool **pools_by_names(struct table *table, struct pools *pools, size_t *count)
{
	size_t most = 0;

	*count = 0;
	pools_keep(pools);
	for (struct pool *pool = pools_first(pools); pool != NULL; pool = pools_next(pool))
		most++;
	struct pool **list = calloc(most > 0 ? most : 1, sizeof *list);
	if (list == NULL) {
		table->writer->failed = true;
		return NULL;
	}
	for (struct pool *pool = pools_first(pools); pool != NULL; pool = pools_next(pool))
		if (*count < most)
			list[(*count)++] = pool;
	qsort(list, *count, sizeof *list, compare_by_names);
	return list;
}

void pools_by_names_free(struct pools *pools, struct pool **list)
{
	pools_let_go(pools);
	free(list);
}

bool show_console_is_next(bool *is_put, const char *name)
{
	bool is_next = !*is_put && (name == NULL || strcmp(CONSOLE_NAME, name) < 0);
	*is_put |= is_next;
	return is_next;
}

/* Only a list of hosts is balanced over. */
static const char *balance_text(const struct database *database)
{
	bool is_list =
		database != NULL && database->host != NULL && strchr(database->host, ',') != NULL;
	if (!is_list)
		return NULL;
	return choice_name(choices_load_balance, (int)database->load_balance_hosts);
}

static void put_zeros(struct table *table, int count)
{
	while (count-- > 0)
		table_number(table, 0);
}

/* --- pools -------------------------------------------------------------------------------- */

/* What pools of the same names have together. */
struct sum {
	size_t clients; /* those at rest, too */
	size_t waiting;
	size_t sent_cancels; /* on their way to a server, ... */
	size_t asked_sent;   /* ... those that a client waits for */
	size_t asked_waiting;
	size_t servers[SERVER_CLOSED];
	size_t used; /* of those that are idle: to be tried before they are lent */
	int64_t longest_wait;
};

static size_t count_used(const struct pool *pool, int64_t now)
{
	size_t count = 0;
	for (const struct server *server = pool->servers[SERVER_IDLE].first; server != NULL;
	     server = server->next)
		count += pool_is_stale(server, now);
	return count;
}

static void add_pool(struct sum *sum, const struct pool *pool, int64_t now)
{
	size_t waiting = pool->waiting_count;
	int64_t longest = pool_longest_wait(pool, now);

	sum->clients += pool->client_count > waiting ? pool->client_count - waiting : 0;
	sum->waiting += waiting;
	for (int state = 0; state < SERVER_CLOSED; state++)
		sum->servers[state] += pool->servers[state].count;
	sum->used += count_used(pool, now);
	if (longest > sum->longest_wait)
		sum->longest_wait = longest;
}

/* The cancel requests that a worker has under way. */
struct canceling {
	struct cancel_seen {
		uint64_t pool_id;
		bool is_asked;
		bool is_sent;
	} *seen;
	size_t count;
	bool failed;
};

static void note_cancels(struct worker *worker, void *arg)
{
	struct canceling *canceling = arg;
	struct cancel_view view;
	const struct cancel *cancel = NULL;
	size_t count = 0;

	while ((cancel = cancel_look(worker, cancel, &view)) != NULL)
		count++;
	canceling->seen = calloc(count + 1, sizeof *canceling->seen);
	canceling->failed = canceling->seen == NULL;
	while (!canceling->failed && (cancel = cancel_look(worker, cancel, &view)) != NULL)
		if (view.upstream != NULL)
			canceling->seen[canceling->count++] = (struct cancel_seen){
				.pool_id = view.upstream->server->pool->id,
				.is_asked = view.asker != NULL,
				.is_sent = view.is_sent,
			};
}

static void canceling_free(struct canceling *all, unsigned count)
{
	for (unsigned i = 0; all != NULL && i < count; i++)
		free(all[i].seen);
	free(all);
}

/* One element for each worker; NULL without memory. */
static struct canceling *await_canceling(struct worker *here)
{
	struct canceling *all = calloc(here->count, sizeof *all);
	bool done = all != NULL && await_everywhere(here, note_cancels, all, sizeof *all);

	for (unsigned i = 0; done && i < here->count; i++)
		done = !all[i].failed;
	if (done)
		return all;
	canceling_free(all, here->count);
	return NULL;
}

static void add_cancels(struct sum *sum, const struct pool *pool, const struct canceling *canceling)
{
	for (unsigned i = 0; i < pool->pools->worker_count; i++)
		for (size_t j = 0; j < canceling[i].count; j++) {
			const struct cancel_seen *seen = &canceling[i].seen[j];
			if (seen->pool_id != pool->id)
				continue;
			sum->sent_cancels += seen->is_sent;
			sum->asked_sent += seen->is_asked && seen->is_sent;
			sum->asked_waiting += seen->is_asked && !seen->is_sent;
		}
}

static void pool_row(struct table *table, const struct pool *pool,
		     const struct canceling *canceling, int64_t now)
{
	struct sum sum = {0};

	for (struct pool *other = NULL; (other = namesakes_next(pool, other)) != NULL;) {
		add_pool(&sum, other, now);
		add_cancels(&sum, other, canceling);
	}
	table_text(table, pool->database_name);
	table_text(table, pool->user_name);
	table_number(table, (int64_t)sum.clients);
	table_number(table, (int64_t)sum.waiting);
	table_number(table, (int64_t)sum.asked_sent);
	table_number(table, (int64_t)sum.asked_waiting);
	table_number(table, (int64_t)sum.servers[SERVER_ACTIVE]);
	table_number(table, (int64_t)sum.sent_cancels);
	table_number(table, (int64_t)sum.servers[SERVER_BEING_CANCELED]);
	table_number(table, (int64_t)(sum.servers[SERVER_IDLE] - sum.used));
	table_number(table, (int64_t)sum.used);
	table_number(table, (int64_t)sum.servers[SERVER_TESTED]);
	table_number(table, (int64_t)sum.servers[SERVER_LOGIN]);
	table_number(table, sum.longest_wait / 1000000);
	table_number(table, sum.longest_wait % 1000000);
	table_text(table, choice_name(choices_pool_mode, pool_mode(pool)));
	table_text(table, balance_text(pool->database));
}

static void console_pool_row(struct table *table, const struct worker *worker)
{
	table_text(table, CONSOLE_NAME);
	table_text(table, CONSOLE_NAME);
	table_number(table, (int64_t)worker->daemon->console_count);
	put_zeros(table, 12);
	table_text(table, choice_name(choices_pool_mode, POOL_STATEMENT));
	table_text(table, NULL);
}

static void await_put_pools(struct table *table, struct worker *worker, struct pool *const *list,
		      size_t count, const struct canceling *canceling)
{
	bool console_is_put = false;
	int64_t now = loop_now();
	size_t steps = 0;

	for (size_t i = 0; i < count; i++) {
		if (show_console_is_next(&console_is_put, list[i]->database_name))
			console_pool_row(table, worker);
		pools_lock(worker->pools);
		if (namesakes_is_first(list[i]))
			pool_row(table, list[i], canceling, now);
		pools_unlock(worker->pools);
		await_give_way(worker, &steps);
	}
	if (show_console_is_next(&console_is_put, NULL))
		console_pool_row(table, worker);
}

static void await_pool_rows(struct table *table, struct worker *worker)
{
	struct canceling *canceling = await_canceling(worker);
	size_t count;
	struct pool **list = pools_by_names(table, worker->pools, &count);

	table->writer->failed |= canceling == NULL;
	if (!table->writer->failed)
		await_put_pools(table, worker, list, count, canceling);
	pools_by_names_free(worker->pools, list);
	canceling_free(canceling, worker->count);
}

const struct show show_pools = {
	"POOLS",
	"database text, user text, cl_active int4, cl_waiting int4, cl_active_cancel_req int4, "
	"cl_waiting_cancel_req int4, sv_active int4, sv_active_cancel int4, "
	"sv_being_canceled int4, sv_idle int4, sv_used int4, sv_tested int4, sv_login int4, "
	"maxwait int4, maxwait_us int4, pool_mode text, load_balance_hosts text",
	await_pool_rows, NULL};

/* --- databases ---------------------------------------------------------------------------- */

/* The pools of one database, summed. */
struct usage {
	size_t servers;
	size_t clients;
	bool paused;
};

static struct usage usage_of(struct pools *all, const char *database_name,
			     struct pool *const *pools, size_t count)
{
	struct usage usage = {0};
	pools_lock(all);
	usage.paused = pauses_have(&all->pauses, database_name);
	for (size_t i = 0; i < count; i++) {
		usage.servers += pool_server_count(pools[i]);
		usage.clients += pools[i]->client_count;
	}
	pools_unlock(all);
	return usage;
}

static void database_row(struct table *table, const struct settings *settings, const char *name,
			 const struct database *database, const struct usage *usage,
			 bool is_disabled)
{
	table_text(table, name);
	table_text(table, database->host);
	/* Of a list, the first; this column is a number. */
	table_number(table, atoi(database_port(database)));
	table_text(table, database->dbname == NULL ? name : database->dbname);
	table_text(table, database->user);
	table_number(table, settings_pool_size(settings, database, NULL));
	table_number(table, settings_min_pool_size(settings, database, NULL));
	table_number(table, settings_reserve_pool_size(settings, database, NULL));
	table_number(table, settings_server_lifetime_us(settings, database) / 1000000);
	table_text(table, choice_name(choices_pool_mode, database->pool_mode));
	table_text(table, balance_text(database));
	table_number(table, settings_max_db_connections(settings, database));
	table_number(table, (int64_t)usage->servers);
	table_number(table, settings_max_db_client_connections(settings, database));
	table_number(table, (int64_t)usage->clients);
	table_number(table, usage->paused);
	table_number(table, is_disabled);
}

static void console_row(struct table *table, const struct worker *worker)
{
	table_text(table, CONSOLE_NAME);
	table_text(table, NULL); /* host */
	table_number(table, worker->settings->listen_port);
	table_text(table, CONSOLE_NAME);
	table_text(table, CONSOLE_NAME);
	table_number(table, CONSOLE_POOL_SIZE);
	put_zeros(table, 2);
	table_number(table, worker->settings->server_lifetime_us / 1000000);
	table_text(table, choice_name(choices_pool_mode, POOL_STATEMENT));
	table_text(table, NULL);
	put_zeros(table, 3);
	table_number(table, (int64_t)worker->daemon->console_count);
	put_zeros(table, 2);
}

/* Pools of the same database stand side by side: the length of the group that begins here. */
static size_t group_length(struct pool *const *pools, size_t count)
{
	size_t length = 1;
	while (length < count && strcmp(pools[length]->database_name, pools[0]->database_name) == 0)
		length++;
	return length;
}

/* The entries, and the databases that "*" has stood for: two sorted lists, merged, and the console in
 * its place among them. */
static void await_database_rows(struct table *table, struct worker *here)
{
	struct settings *settings = settings_hold(here->settings);
	struct quotas *quotas = &here->daemon->quotas;
	size_t steps = 0;
	size_t left;
	struct pool **list = pools_by_names(table, here->pools, &left);
	struct pool *const *pools = list;
	bool console_is_put = false;
	size_t entry = 0;

	while (left > 0 || entry < settings->database_count) {
		const struct database *database =
			entry < settings->database_count ? &settings->databases[entry] : NULL;
		int order = database == NULL ? 1
			    : left == 0	     ? -1
					     : strcmp(database->name, pools[0]->database_name);
		size_t length = order < 0 ? 0 : group_length(pools, left);
		const char *name = order > 0 ? pools[0]->database_name : database->name;
		struct usage usage = usage_of(here->pools, name, pools, length);
		const struct database *described =
			order > 0 ? settings_find_database(settings, name) : database;
		if (show_console_is_next(&console_is_put, name))
			console_row(table, here);
		if (described != NULL && strcmp(name, "*") != 0)
			database_row(table, settings, name, described, &usage,
				     quota_is_disabled(quotas, name));
		entry += order <= 0;
		pools += length;
		left -= length;
		await_give_way(here, &steps);
	}
	if (show_console_is_next(&console_is_put, NULL))
		console_row(table, here);
	settings_drop(settings);
	pools_by_names_free(here->pools, list);
}

const struct show show_databases = {
	"DATABASES",
	"name text, host text, port int4, database text, force_user text, pool_size int4, "
	"min_pool_size int4, reserve_pool_size int4, server_lifetime int4, pool_mode text, "
	"load_balance_hosts text, max_connections int4, current_connections int4, "
	"max_client_connections int4, current_client_connections int4, paused int4, disabled int4",
	await_database_rows, NULL};

/* --- lists -------------------------------------------------------------------------------- */

static void list_row(struct table *table, const char *name, size_t items)
{
	table_text(table, name);
	table_number(table, (int64_t)items);
}

/* As SHOW DATABASES has them: the entries, those that "*" stands for, and the console. */
static size_t count_databases(struct table *table, const struct worker *worker)
{
	const struct settings *settings = worker->settings;
	size_t left;
	size_t count = 1;
	struct pool **list = pools_by_names(table, worker->pools, &left);

	for (size_t i = 0; i < settings->database_count; i++)
		count += !database_is_fallback(&settings->databases[i]);
	for (struct pool *const *pools = list; left > 0;) {
		const char *name = pools[0]->database_name;
		const struct database *database = settings_find_database(settings, name);
		size_t length = group_length(pools, left);
		count += database != NULL && strcmp(database->name, name) != 0;
		pools += length;
		left -= length;
	}
	pools_by_names_free(worker->pools, list);
	return count;
}

/* As SHOW POOLS has them. */
static size_t count_pools(struct pools *pools)
{
	pools_lock(pools);
	size_t count = namesakes_count(pools);
	pools_unlock(pools);
	return count;
}

static void list_rows(struct table *table, struct worker *worker)
{
	size_t connected = worker_total_sessions(worker);
	size_t known = worker->daemon->client_count + worker->daemon->console_count;

	list_row(table, "databases", count_databases(table, worker));
	list_row(table, "users", show_count_users(worker));
	list_row(table, "peers", worker->settings->peer_count);
	list_row(table, "pools", count_pools(worker->pools) + 1); /* and the console's */
	list_row(table, "peer_pools", worker->daemon->forwards.count);
	list_row(table, "free_clients", 0); /* nothing is kept for later */
	list_row(table, "used_clients", known);
	list_row(table, "login_clients", connected > known ? connected - known : 0);
	list_row(table, "free_servers", 0);
	list_row(table, "used_servers", pools_server_count(worker->pools));
	list_row(table, "dns_names", worker->daemon->dns.name_count);
	list_row(table, "dns_zones", worker->daemon->dns.zone_count);
	list_row(table, "dns_queries", worker->daemon->dns.asking_count);
	list_row(table, "dns_pending", 0);
}

const struct show show_lists = {"LISTS", "list text, items int4", list_rows, NULL};
