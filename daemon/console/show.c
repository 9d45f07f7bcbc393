#include "daemon/console/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/array.h"
#include "conf/settings.h"
#include "daemon/console/admin.h"
#include "daemon/daemon.h"
#include "daemon/errand.h"
#include "daemon/relay/upstream.h"
#include "daemon/runtime/stack.h"
#include "daemon/session.h"
#include "daemon/version.h"
#include "daemon/worker.h"
#include "protocol/message.h"

static const char help[] = "\n\tSHOW HELP|CONFIG|DATABASES|POOLS|CLIENTS|SERVERS|USERS|VERSION"
			   "\n\tSHOW PEERS|PEER_POOLS"
			   "\n\tSHOW FDS|SOCKETS|ACTIVE_SOCKETS|LISTS|MEM|STATE"
			   "\n\tSHOW DNS_HOSTS|DNS_ZONES"
			   "\n\tSHOW STATS|STATS_TOTALS|STATS_AVERAGES|TOTALS"
			   "\n\tSHOW HBA|PINNED|PREPARED_STATEMENTS|WORKERS"
			   "\n\tSHOW ... WHERE <column> = <value> ORDER BY <column> [DESC] LIMIT <n>"
			   "\n\tSET key = arg"
			   "\n\tRELOAD"
			   "\n\tPAUSE [<db>]"
			   "\n\tRESUME [<db>]"
			   "\n\tDISABLE <db>"
			   "\n\tENABLE <db>"
			   "\n\tRECONNECT [<db>]"
			   "\n\tKILL [<db>]"
			   "\n\tKILL_CLIENT <client_id>"
			   "\n\tSUSPEND"
			   "\n\tSHUTDOWN"
			   "\n\tSHUTDOWN WAIT_FOR_SERVERS|WAIT_FOR_CLIENTS"
			   "\n\tWAIT_CLOSE [<db>]";

/* What drivers ask for when they connect. */
static const struct fake {
	const char *name;
	const char *value;
} fakes[] = {
	{"client_encoding", "UTF-8"},
	{"default_transaction_isolation", "read committed"},
	{"standard_conforming_strings", "on"},
	{"datestyle", "ISO"},
	{"timezone", "GMT"},
	{"server_version", CONSOLE_SERVER_VERSION},
	{"server_encoding", "UTF8"},
	{"is_superuser", "on"},
	{"transaction_isolation", "read committed"},
	{"application_name", ""},
	{"bytea_output", "hex"},
	{"client_min_messages", "notice"},
	{"extra_float_digits", "1"},
	{"idle_in_transaction_session_timeout", "0"},
	{"intervalstyle", "postgres"},
	{"lock_timeout", "0"},
	{"search_path", "\"$user\", public"},
	{"statement_timeout", "0"},
};

/* --- small tables ------------------------------------------------------------------------- */

static void version_row(struct table *table, struct worker *here)
{
	(void)here;
	table_text(table, VERSION_LINE);
}

static void config_rows(struct table *table, struct worker *here)
{
	struct setting_row row;

	for (size_t i = 0; settings_row(here->settings, i, &row); i++) {
		table_text(table, row.key);
		table_text(table, row.has_value ? row.value : NULL);
		table_text(table, row.has_default ? row.default_value : NULL);
		table_text(table, row.reloadable ? "yes" : "no");
	}
}

static void state_rows(struct table *table, struct worker *here)
{
	bool paused = pools_are_paused(here->pools);
	bool suspended = suspend_state(here->daemon) != NOT_SUSPENDED;

	table_text(table, "active");
	table_text(table, paused || suspended ? "no" : "yes");
	table_text(table, "paused");
	table_text(table, paused ? "yes" : "no");
	table_text(table, "suspended");
	table_text(table, suspended ? "yes" : "no");
}

static void mem_row(struct table *table, const char *name, size_t size, size_t used, size_t spare)
{
	table_text(table, name);
	table_number(table, (int64_t)size);
	table_number(table, (int64_t)used);
	table_number(table, (int64_t)spare);
	table_number(table, (int64_t)(size * (used + spare)));
}

static void mem_rows(struct table *table, struct worker *worker)
{
	size_t stacks = 0;
	size_t spare_stacks = 0;

	for (unsigned i = 0; i < worker->count; i++) {
		stacks += worker->all[i].running_count;
		spare_stacks += worker->all[i].spare_count;
	}
	mem_row(table, "sessions", sizeof(struct session), worker_total_sessions(worker), 0);
	mem_row(table, "servers", sizeof(struct server) + sizeof(struct upstream),
		pools_server_count(worker->pools), 0);
	mem_row(table, "pools", sizeof(struct pool) + worker->count * sizeof(struct pool_share),
		pools_count(worker->pools), 0);
	mem_row(table, "stacks", STACK_SIZE_BYTES, stacks, spare_stacks);
	mem_row(table, "scratch", SCRATCH_BYTES, worker->count, 0);
}

static const struct show show_version = {"VERSION", "version text", version_row, NULL};
static const struct show show_config = {
	"CONFIG", "key text, value text, default text, changeable text", config_rows, NULL};
static const struct show show_state = {"STATE", "key text, value text", state_rows, NULL};
static const struct show show_mem = {
	"MEM", "name text, size int4, used int4, free int4, memtotal int4", mem_rows, NULL};

/* --- all together ------------------------------------------------------------------------- */

static const struct show *const shows[] = {
	&show_version,	 &show_pools,	     &show_clients, &show_servers,	&show_workers,
	&show_stats,	 &show_stats_totals, &show_totals,  &show_stats_averages,
	&show_config,	 &show_databases,    &show_users,   &show_lists,
	&show_state,	 &show_mem,	     &show_peers,   &show_peer_pools,
	&show_dns_hosts, &show_dns_zones,    &show_sockets, &show_active_sockets,
	&show_hba,	 &show_fds,
	&show_pinned,	 &show_prepared_statements,
};

static const struct show *find_show(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(shows); i++)
		if (strcasecmp(shows[i]->name, name) == 0)
			return shows[i];
	return NULL;
}

static const struct fake *find_fake(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(fakes); i++)
		if (strcasecmp(fakes[i].name, name) == 0)
			return &fakes[i];
	return NULL;
}

static bool write_fake(struct writer *writer, const char *name)
{
	const struct fake *fake = find_fake(name);
	char heading[64];
	struct table table;

	if (fake == NULL)
		return false;
	snprintf(heading, sizeof heading, "%s text", fake->name);
	table_begin(&table, writer, heading);
	table_text(&table, fake->value);
	return true;
}

bool show_is_fake(const char *name)
{
	return find_fake(name) != NULL;
}

const char *show_name(size_t index)
{
	return index < ARRAY_SIZE(shows) ? shows[index]->name : NULL;
}

bool show_describe(struct writer *writer, const char *name)
{
	const struct show *show = find_show(name);
	struct writer fake;
	struct table table;

	if (show != NULL) {
		table_begin(&table, writer, show->heading);
		return true;
	}
	writer_init(&fake);
	bool found = write_fake(&fake, name);
	if (found && !fake.failed)
		write_bytes(writer, fake.data, read_uint32(fake.data + 1) + 1);
	writer->failed |= fake.failed;
	writer_release(&fake);
	return found;
}

/* --- from all workers --------------------------------------------------------------------- */

struct part {
	const struct show *show;
	const struct session *asker; /* only to be compared with */
	struct writer writer;
};

static void write_part(struct worker *worker, void *arg)
{
	struct part *part = arg;
	struct table table;

	writer_init(&part->writer);
	table_continue(&table, &part->writer, part->show->heading);
	part->show->await_worker_rows(&table, worker, part->asker);
}

static bool await_parts(struct writer *writer, const struct show *show, const struct session *asker)
{
	struct worker *here = asker->worker;
	unsigned count = here->count;
	struct part *parts = calloc(count, sizeof *parts);

	if (parts == NULL)
		return false;
	for (unsigned i = 0; i < count; i++)
		parts[i] = (struct part){.show = show, .asker = asker};
	bool done = await_everywhere(here, write_part, parts, sizeof *parts);
	for (unsigned i = 0; i < count; i++) {
		done &= !parts[i].writer.failed;
		if (done)
			write_bytes(writer, parts[i].writer.data, parts[i].writer.length);
		writer_release(&parts[i].writer);
	}
	free(parts);
	return done;
}

/* Those with keys, and with what clients have written into their queries. */
static bool is_for_admins(const struct show *show)
{
	return show == &show_fds || show == &show_prepared_statements;
}

enum show_result await_show(struct writer *writer, const char *name, const struct session *asker)
{
	const struct show *show = find_show(name);
	struct table table;

	if (is_for_admins(show) && !asker->is_admin)
		return ONLY_FOR_ADMINS;
	if (show == &show_config)
		admin_write_pending(writer, asker);
	if (show != NULL) {
		table_begin(&table, writer, show->heading);
		if (show->await_rows != NULL)
			show->await_rows(&table, asker->worker);
		else if (!await_parts(writer, show, asker))
			return SHOW_FAILED;
	} else if (strcasecmp(name, "HELP") == 0) {
		write_notice(writer, "Console usage", help);
	} else if (!write_fake(writer, name)) {
		return NOTHING_TO_SHOW;
	}
	write_command_complete(writer, "SHOW");
	return SHOWN;
}
