#include "daemon/console/admin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "daemon/console/command.h"
#include "daemon/daemon.h"
#include "daemon/errand.h"
#include "daemon/reload.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/pools.h"
#include "pool/roster.h"

/* --- pools of a database ------------------------------------------------------------------ */

/* NULL means all. */
static const char *meant(const char *database_name)
{
	return database_name[0] == '\0' ? NULL : database_name;
}

/* The sum of what `count` finds in each pool that is meant, with the lock held. */
static size_t sum_over(struct pools *pools, const char *database_name,
		       size_t (*count)(const struct pool *pool))
{
	size_t sum = 0;

	pools_keep(pools);
	for (struct pool *pool = pools_first(pools); pool != NULL; pool = pools_next(pool))
		if (pool_is_of(pool, meant(database_name)))
			sum += count(pool);
	pools_let_go(pools);
	return sum;
}

/* `verb` is for the console's own database, of which there are no servers. */
static bool check_database(const struct session *session, const char *name, const char *verb,
			   struct failure *why)
{
	char text[sizeof why->message];

	if (name[0] == '\0')
		return true;
	if (settings_is_console(name))
		snprintf(text, sizeof text, "cannot %s admin db: %s", verb, name);
	else if (settings_find_database(session->worker->settings, name) == NULL)
		snprintf(text, sizeof text, "no such database: %s", name);
	else
		return true;
	return failure_set(why, FAILURE_CONSOLE_ERROR, text);
}

/* --- pausing ------------------------------------------------------------------------------ */

static bool may_pause(const struct session *session, struct failure *why)
{
	const struct worker *worker = session->worker;

	return (!pools_are_paused(worker->pools) &&
		suspend_state(worker->daemon) == NOT_SUSPENDED) ||
	       failure_set(why, FAILURE_CONSOLE_ERROR, "already suspended/paused");
}

bool admin_pause(struct session *session, const char *database_name, struct failure *why)
{
	if (!may_pause(session, why) || !check_database(session, database_name, "pause", why))
		return false;
	return pools_pause(session->worker->pools, meant(database_name), loop_now()) ||
	       failure_set(why, FAILURE_NO_MEMORY);
}

enum progress admin_pause_progress(const struct session *session, const char *database_name)
{
	struct pools *pools = session->worker->pools;
	const char *name = meant(database_name);

	if (name == NULL ? !pools_are_paused(pools) : !pools_have_paused(pools, name))
		return UNDONE;
	return sum_over(pools, database_name, pool_server_count) == 0 ? DONE : UNDER_WAY;
}

/* In the main thread. */
struct suspending {
	bool is_too_late;
	bool done;
};

static void suspend_there(struct worker *first, void *arg)
{
	struct suspending *suspending = arg;

	/* Two admins may have asked at once, for this or for the end. */
	suspending->is_too_late = first->daemon->state != DAEMON_RUNNING;
	if (!suspending->is_too_late && suspend_state(first->daemon) == NOT_SUSPENDED)
		suspending->done = suspend_begin(first->daemon);
}

static void resume_there(struct worker *first, void *arg)
{
	(void)arg;
	suspend_end(first->daemon);
}

bool await_admin_suspend(struct session *session, const char *nothing, struct failure *why)
{
	struct worker *here = session->worker;
	struct suspending suspending = {0};

	if (!may_pause(session, why))
		return false;
	if (pools_have_paused(here->pools, meant(nothing)))
		return failure_set(why, FAILURE_CONSOLE_ERROR,
				   "cannot suspend with paused databases");
	bool was_asked = await_at(here, here->all, suspend_there, &suspending);
	if (suspending.is_too_late)
		return failure_set(why, FAILURE_CONSOLE_ERROR, "pooler is shutting down");
	return (was_asked && suspending.done) || failure_set(why, FAILURE_NO_MEMORY);
}

enum progress admin_suspend_progress(const struct session *session, const char *nothing)
{
	static const enum progress progress[] = {
		[NOT_SUSPENDED] = UNDONE, [SUSPENDING] = UNDER_WAY, [SUSPENDED] = DONE};

	(void)nothing;
	return progress[suspend_state(session->worker->daemon)];
}

static bool resume_database(struct session *session, const char *name, struct failure *why)
{
	char text[sizeof why->message];

	if (!check_database(session, name, "resume", why))
		return false;
	if (pools_resume(session->worker->pools, name, loop_now()))
		return true;
	snprintf(text, sizeof text, "database %s is not paused", name);
	return failure_set(why, FAILURE_CONSOLE_ERROR, text);
}

bool await_admin_resume(struct session *session, const char *database_name, struct failure *why)
{
	struct worker *here = session->worker;

	if (here->daemon->state != DAEMON_RUNNING)
		return failure_set(why, FAILURE_CONSOLE_ERROR, "pooler is shutting down");
	if (database_name[0] != '\0')
		return resume_database(session, database_name, why);
	if (suspend_state(here->daemon) != NOT_SUSPENDED)
		return await_at(here, here->all, resume_there, NULL) ||
		       failure_set(why, FAILURE_NO_MEMORY);
	if (!pools_are_paused(here->pools))
		return failure_set(why, FAILURE_CONSOLE_ERROR, "pooler is not paused/suspended");
	pools_resume(here->pools, NULL, loop_now());
	return true;
}

static bool close_or_open(struct session *session, const char *name, bool is_disabled,
			  struct failure *why)
{
	if (name[0] == '\0')
		return failure_set(why, FAILURE_CONSOLE_ERROR, "a database is required");
	return check_database(session, name, is_disabled ? "disable" : "enable", why) &&
	       (quota_set_disabled(&session->worker->daemon->quotas, name, is_disabled) ||
		failure_set(why, FAILURE_NO_MEMORY));
}

bool admin_disable(struct session *session, const char *database_name, struct failure *why)
{
	return close_or_open(session, database_name, true, why);
}

bool admin_enable(struct session *session, const char *database_name, struct failure *why)
{
	return close_or_open(session, database_name, false, why);
}

/* --- servers ------------------------------------------------------------------------------ */

bool admin_reconnect(struct session *session, const char *database_name, struct failure *why)
{
	if (!check_database(session, database_name, "reconnect", why))
		return false;
	pools_reconnect(session->worker->pools, meant(database_name), "obsolete connection");
	auth_cache_expire(session->worker->auth_cache);
	return true;
}

bool admin_wait_close(struct session *session, const char *database_name, struct failure *why)
{
	return check_database(session, database_name, "wait in", why);
}

static size_t count_old(const struct pool *pool)
{
	size_t count = 0;
	for (struct server *server = NULL; (server = roster_next(pool, server)) != NULL;)
		count += server->close_needed;
	return count;
}

enum progress admin_renewal_progress(const struct session *session, const char *database_name)
{
	return sum_over(session->worker->pools, database_name, count_old) == 0 ? DONE : UNDER_WAY;
}

/* --- clients ------------------------------------------------------------------------------ */

/* Whom to kill: those of a database, or the one with that number. */
struct killing {
	const char *database_name; /* NULL: of all */
	uint64_t id; /* 0: of the database */
	atomic_size_t count;
};

static void kill_here(struct worker *worker, void *arg)
{
	struct killing *killing = arg;

	for (struct session *session = worker->sessions; session != NULL; session = session->next) {
		bool is_meant = killing->id != 0 ? session->id == killing->id && !session->is_ending :
						session->pool != NULL &&
							pool_is_of(session->pool,
								   killing->database_name);
		if (!is_meant)
			continue;
		killing->count++;
		session_kill(session, FAILURE_KILLED);
	}
}

/* The pools stay paused, or the clients would be back at once. */
bool await_admin_kill(struct session *session, const char *database_name, struct failure *why)
{
	struct killing killing = {.database_name = meant(database_name)};

	if (!may_pause(session, why) || !check_database(session, database_name, "kill", why))
		return false;
	return (pools_pause(session->worker->pools, meant(database_name), loop_now()) &&
		await_everywhere(session->worker, kill_here, &killing, 0)) ||
	       failure_set(why, FAILURE_NO_MEMORY);
}

bool await_admin_kill_client(struct session *session, const char *id, struct failure *why)
{
	struct killing killing = {0};
	char *end;
	errno = 0;
	killing.id = strtoull(id, &end, 10);

	if (id[0] < '0' || id[0] > '9' || *end != '\0' || errno != 0)
		return failure_set(why, FAILURE_CONSOLE_ERROR, "invalid client pointer supplied");
	if (killing.id != 0 && !await_everywhere(session->worker, kill_here, &killing, 0))
		return failure_set(why, FAILURE_NO_MEMORY);
	return killing.count > 0 || failure_set(why, FAILURE_CONSOLE_ERROR, "client not found");
}

/* --- the process -------------------------------------------------------------------------- */

/* What the main thread has to do, and how it went. */
struct request {
	const char *name;
	const char *value;
	enum daemon_state waiting_for;
	bool done;
	bool keeps_tls;
	struct failure *why;
};

static void await_reload_there(struct worker *first, void *arg)
{
	struct request *request = arg;
	request->done = await_reload(first->daemon);
}

static void await_set_there(struct worker *first, void *arg)
{
	struct request *request = arg;
	request->done = await_set(first->daemon, request->name, request->value,
				  &request->keeps_tls, request->why);
}

static void shut_down_there(struct worker *first, void *arg)
{
	const struct request *request = arg;

	if (request->waiting_for == DAEMON_ENDING)
		daemon_shut_down(first->daemon);
	else
		daemon_shut_down_gently(first->daemon, request->waiting_for);
}

static bool await_main(const struct session *session,
		       void (*run)(struct worker *first, void *arg), struct request *request,
		       struct failure *why)
{
	struct worker *here = session->worker;
	return await_at(here, here->all, run, request) || failure_set(why, FAILURE_NO_MEMORY);
}

bool await_admin_reload(struct session *session, const char *nothing, struct failure *why)
{
	(void)nothing;
	struct request request = {0};

	if (!await_main(session, await_reload_there, &request, why))
		return false;
	return request.done || failure_set(why, FAILURE_RELOAD_FAILED);
}

bool await_admin_set(struct session *session, const struct command *command, struct writer *writer,
		     struct failure *why)
{
	struct request request = {.name = command->argument, .value = command->value, .why = why};

	if (!session->is_admin)
		return failure_set(why, FAILURE_CONSOLE_NOT_ADMIN);
	session_log(session, LEVEL_LOG, "SET %s", request.name);
	bool done = await_main(session, await_set_there, &request, why) && request.done;
	if (done && request.keeps_tls)
		write_notice(writer, "TLS settings could not be applied, still using old configuration",
			     "");
	return done;
}

void admin_write_pending(struct writer *writer, const struct session *session)
{
	const struct fault_list *pending = &session->worker->settings->pending;
	char detail[1024] = "";
	size_t length = 0;

	for (size_t i = 0; i < pending->count && length < sizeof detail; i++)
		length += (size_t)snprintf(detail + length, sizeof detail - length, "%s%s",
					   i > 0 ? "\n" : "", pending->faults[i].text);
	if (pending->count > 0)
		write_notice(writer, "some settings in the file take a restart", detail);
}

bool await_admin_shutdown(struct session *session, const char *what_for, struct failure *why)
{
	struct request request = {.waiting_for = DAEMON_ENDING};

	if (strcasecmp(what_for, "WAIT_FOR_SERVERS") == 0)
		request.waiting_for = DAEMON_WAITING_FOR_SERVERS;
	else if (strcasecmp(what_for, "WAIT_FOR_CLIENTS") == 0)
		request.waiting_for = DAEMON_WAITING_FOR_CLIENTS;
	else if (what_for[0] != '\0')
		return failure_set(why, FAILURE_CONSOLE_SYNTAX, what_for);
	if (!await_main(session, shut_down_there, &request, why))
		return false;
	if (request.waiting_for != DAEMON_ENDING)
		return true;
	failure_set(why, FAILURE_SHUTTING_DOWN);
	why->told = true;
	return false;
}
