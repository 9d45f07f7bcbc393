/* SHOW USERS: those of auth_file and of [users], and whoever else is known by having come in. */
#include <stdlib.h>
#include <string.h>

#include "conf/field.h"
#include "conf/settings.h"
#include "daemon/console/show.h"
#include "daemon/daemon.h"
#include "daemon/session.h"
#include "daemon/session_walk.h"
#include "daemon/worker.h"
#include "pool/pools.h"

/* --- names -------------------------------------------------------------------------------- */

struct names {
	char **names;
	size_t count;
	size_t room;
	bool failed;
};

static void note(void *context, const char *name)
{
	struct names *names = context;
	size_t room = names->room == 0 ? 64 : names->room * 2;

	if (names->count == names->room) {
		char **grown = realloc(names->names, room * sizeof *grown);
		names->failed |= grown == NULL;
		if (grown == NULL)
			return;
		names->names = grown;
		names->room = room;
	}
	char *copy = strdup(name);
	names->failed |= copy == NULL;
	if (copy != NULL)
		names->names[names->count++] = copy;
}

static int compare(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

static void drop_doubles(struct names *names)
{
	size_t kept = 0;

	if (names->count > 0)
		qsort(names->names, names->count, sizeof *names->names, compare);
	for (size_t i = 0; i < names->count; i++)
		if (kept > 0 && strcmp(names->names[kept - 1], names->names[i]) == 0)
			free(names->names[i]);
		else
			names->names[kept++] = names->names[i];
	names->count = kept;
}

/* Users that auth_query has found, or who need none: as long as they are here, or a pool of theirs is. */
static void note_known(struct names *names, const struct worker *worker)
{
	struct pools *pools = worker->pools;

	quota_each(&worker->daemon->quotas, QUOTA_USER, note, names);
	pools_keep(pools);
	for (struct pool *pool = pools_first(pools); pool != NULL; pool = pools_next(pool))
		note(names, pool->user_name);
	pools_let_go(pools);
}

/* In their order, each once. */
static void names_collect(struct names *names, const struct worker *worker,
			  const struct settings *settings)
{
	*names = (struct names){0};
	note(names, CONSOLE_NAME);
	for (size_t i = 0; i < settings->auth_users.count; i++)
		note(names, settings->auth_users.users[i].name);
	for (size_t i = 0; i < settings->user_count; i++)
		note(names, settings->users[i].name);
	note_known(names, worker);
	drop_doubles(names);
}

static void names_release(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
}

size_t show_count_users(const struct worker *worker)
{
	struct names names;

	names_collect(&names, worker, worker->settings);
	names_release(&names);
	return names.count;
}

/* --- rows --------------------------------------------------------------------------------- */

/* These two are text in PgBouncer, so that nothing can stand for what is not set. */
static void put_size(struct table *table, int size)
{
	if (size == SETTING_UNSET)
		table_text(table, "");
	else
		table_number(table, size);
}

static void user_row(struct table *table, const struct worker *worker,
		     const struct settings *settings, const char *name)
{
	const struct user_settings *user = settings_find_user(settings, name);

	pools_lock(worker->pools);
	size_t servers = pools_count_user(worker->pools, name);
	pools_unlock(worker->pools);
	table_text(table, name);
	put_size(table, user == NULL ? SETTING_UNSET : user->pool_size);
	put_size(table, user == NULL ? SETTING_UNSET : user->reserve_pool_size);
	table_text(table, user == NULL ? NULL : choice_name(choices_pool_mode, user->pool_mode));
	table_number(table, settings_max_user_connections(settings, user));
	table_number(table, (int64_t)servers);
	table_number(table, settings_max_user_client_connections(settings, user));
	table_number(table, (int64_t)quota_count(&worker->daemon->quotas, QUOTA_USER, name));
}

static void await_user_rows(struct table *table, struct worker *here)
{
	struct settings *settings = settings_hold(here->settings);
	struct names names;
	size_t steps = 0;

	names_collect(&names, here, settings);
	table->writer->failed |= names.failed;
	for (size_t i = 0; i < names.count; i++) {
		user_row(table, here, settings, names.names[i]);
		await_give_way(here, &steps);
	}
	names_release(&names);
	settings_drop(settings);
}

const struct show show_users = {
	"USERS",
	"name text, pool_size text, reserve_pool_size text, pool_mode text, "
	"max_user_connections int4, current_connections int4, max_user_client_connections int4, "
	"current_client_connections int4",
	await_user_rows, NULL};
