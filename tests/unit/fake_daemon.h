/*
 * A daemon for tests of pool/: what the pools ask for is only noted, and the test says how it ends.
 * Time is what the test says it is.
 */
#ifndef MILLPOND_TESTS_UNIT_FAKE_DAEMON_H
#define MILLPOND_TESTS_UNIT_FAKE_DAEMON_H

#include "pool/pool.h"
#include "pool/pools.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"
#include "tests/unit/under_lock.h"

#define SECOND INT64_C(1000000)

static struct pools pools;
static int64_t now;

/* --- what was asked for ------------------------------------------------------------------- */

enum { FAKE_MOST = 200 };

static struct server *dialling[FAKE_MOST], *checking[FAKE_MOST];
static int dialling_count, checking_count, batch_count, retired_count;
static char last_reason[100];

static void fake_dial(void *context, struct server *batch)
{
	(void)context;
	batch_count++;
	for (; batch != NULL; batch = batch->next_in_batch)
		dialling[dialling_count++] = batch;
}

static void fake_check(void *context, struct server *server)
{
	(void)context;
	checking[checking_count++] = server;
}

static void fake_retire(void *context, struct server *server)
{
	(void)context;
	snprintf(last_reason, sizeof last_reason, "%s", server->retire_reason);
	retired_count++;
	/* It may be retired while it is being dialled or checked. */
	for (int i = 0; i < dialling_count; i++)
		if (dialling[i] == server)
			dialling[i] = dialling[--dialling_count];
	for (int i = 0; i < checking_count; i++)
		if (checking[i] == server)
			checking[i] = checking[--checking_count];
	server_free(server);
}

static const struct pool_calls fake_calls = {fake_dial, fake_check, fake_retire};

/* --- how it ends -------------------------------------------------------------------------- */

static struct server *take_first(struct server **list, int *count)
{
	if (*count == 0) {
		printf("Bail out! nothing under way\n");
		exit(1);
	}
	struct server *server = list[0];
	memmove(list, list + 1, (size_t)-- * count * sizeof *list);
	return server;
}

/* The oldest login, or check, ends. */
__attribute__((unused)) static struct server *dial_succeeds(void)
{
	struct server *server = take_first(dialling, &dialling_count);
	parameters_assign(&server->reported, parameters_empty(pools.parameters));
	pool_dial_succeeded(server, now);
	return server;
}

__attribute__((unused)) static void all_dials_succeed(void)
{
	while (dialling_count > 0)
		dial_succeeds();
}

__attribute__((unused)) static void dial_fails(const char *sqlstate)
{
	struct failure why;
	failure_set(&why, sqlstate ? FAILURE_SERVER_REFUSED : FAILURE_CONNECT_FAILED, "reason");
	if (sqlstate)
		memcpy(why.sqlstate, sqlstate, 5);
	pool_dial_failed(take_first(dialling, &dialling_count), &why, now);
}

__attribute__((unused)) static void check_ends(bool good)
{
	pool_check_ended(take_first(checking, &checking_count), good, now);
}

/* --- the world ---------------------------------------------------------------------------- */

__attribute__((unused)) static struct settings *fake_settings(const char *general,
							      const char *databases)
{
	char *text;
	struct fault_list faults;

	fault_list_init(&faults);
	if (asprintf(&text, "[millpond]\nauth_type = any\n%s\n[databases]\n%s\n", general,
		     databases) < 0)
		abort();
	struct settings *settings = settings_load(scratch_write("pools.ini", text), &faults);
	if (settings == NULL) {
		printf("Bail out! %s\n", text);
		exit(1);
	}
	fault_list_release(&faults);
	free(text);
	return settings;
}

__attribute__((unused)) static void begin(const char *general, const char *databases)
{
	struct settings *settings = fake_settings(general, databases);
	now = 1000 * SECOND;
	dialling_count = checking_count = batch_count = retired_count = 0;
	last_reason[0] = '\0';
	if (!pools_init(&pools, settings, 1, &fake_calls, NULL, 42))
		abort();
	settings_drop(settings);
}

__attribute__((unused)) static void reload(const char *general, const char *databases)
{
	struct settings *settings = fake_settings(general, databases);
	pools_adopt(&pools, settings, now);
	settings_drop(settings);
}

/* All that was lent must have been returned; a memory checker sees what is left. */
__attribute__((unused)) static void end(void)
{
	for (struct pool *pool = pools.first; pool != NULL; pool = pool->next)
		for (int state = 0; state < SERVER_CLOSED; state++)
			while (pool->servers[state].first != NULL) {
				struct server *server = pool->servers[state].first;
				pools.stopping = true;
				pool_discard(&server, "the end", now);
			}
	pools_stop(&pools, now);
	pools_release(&pools);
}

__attribute__((unused)) static struct pool *find_pool(const char *database, const char *user)
{
	return pools_find(&pools, settings_find_database(pools.settings, database), database, user);
}

#endif
