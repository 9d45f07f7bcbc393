#include "daemon/steer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/console.h"
#include "daemon/daemon.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/pools.h"

/* --- pools of a database ------------------------------------------------------------------ */

static bool is_meant(const struct pool *pool, const char *database_name)
{
	return database_name[0] == '\0' || strcmp(pool->database_name, database_name) == 0;
}

/* The next pool that is meant, from this one on. */
static struct pool *meant(struct pool *pool, const char *database_name)
{
	while (pool != NULL && !is_meant(pool, database_name))
		pool = pool->next;
	return pool;
}

/* `verb` is for the console's own database, of which there are no servers. */
static bool check_database(const struct session *session, const char *name, const char *verb,
			   struct failure *why)
{
	char text[sizeof why->message];

	if (name[0] == '\0')
		return true;
	if (console_is_asked_for(name))
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
	return !session->worker->daemon->paused ||
	       failure_set(why, FAILURE_CONSOLE_ERROR, "already suspended/paused");
}

static void pause_database(const struct session *session, const char *name)
{
	struct pool *pool = session->worker->pools->first;
	while ((pool = meant(pool, name)) != NULL) {
		pool_pause(pool, loop_now());
		pool = pool->next;
	}
}

static void pause_meant(const struct session *session, const char *database_name)
{
	if (database_name[0] == '\0')
		daemon_pause(session->worker->daemon);
	else
		pause_database(session, database_name);
}

bool steer_pause(struct session *session, const char *database_name, struct failure *why)
{
	if (!may_pause(session, why) || !check_database(session, database_name, "pause", why))
		return false;
	pause_meant(session, database_name);
	return true;
}

bool steer_is_paused(const struct session *session, const char *database_name)
{
	struct pool *pool = session->worker->pools->first;
	while ((pool = meant(pool, database_name)) != NULL) {
		if (pool->paused && pool_server_count(pool) > 0)
			return false;
		pool = pool->next;
	}
	return true;
}

static bool resume_database(const struct session *session, const char *name, struct failure *why)
{
	struct pool *pool = session->worker->pools->first;
	char text[sizeof why->message];
	size_t resumed = 0;

	while ((pool = meant(pool, name)) != NULL) {
		resumed += pool->paused;
		if (pool->paused)
			pool_resume(pool, loop_now());
		pool = pool->next;
	}
	snprintf(text, sizeof text, "database %s is not paused", name);
	return resumed > 0 || failure_set(why, FAILURE_CONSOLE_ERROR, text);
}

bool steer_resume(struct session *session, const char *database_name, struct failure *why)
{
	struct daemon *daemon = session->worker->daemon;

	if (daemon->state != DAEMON_RUNNING)
		return failure_set(why, FAILURE_CONSOLE_ERROR, "pooler is shutting down");
	if (!check_database(session, database_name, "resume", why))
		return false;
	if (database_name[0] != '\0')
		return resume_database(session, database_name, why);
	if (!daemon->paused)
		return failure_set(why, FAILURE_CONSOLE_ERROR, "pooler is not paused/suspended");
	daemon_resume(daemon);
	return true;
}

static bool close_or_open(struct session *session, const char *name, bool is_disabled,
			  struct failure *why)
{
	return check_database(session, name, is_disabled ? "disable" : "enable", why) &&
	       (quota_set_disabled(&session->worker->daemon->quotas, name, is_disabled) ||
		failure_set(why, FAILURE_NO_MEMORY));
}

bool steer_disable(struct session *session, const char *database_name, struct failure *why)
{
	if (database_name[0] == '\0')
		return failure_set(why, FAILURE_CONSOLE_ERROR, "a database is required");
	return close_or_open(session, database_name, true, why);
}

bool steer_enable(struct session *session, const char *database_name, struct failure *why)
{
	if (database_name[0] == '\0')
		return failure_set(why, FAILURE_CONSOLE_ERROR, "a database is required");
	return close_or_open(session, database_name, false, why);
}

/* --- servers ------------------------------------------------------------------------------ */

bool steer_reconnect(struct session *session, const char *database_name, struct failure *why)
{
	struct pool *pool = session->worker->pools->first;

	if (!check_database(session, database_name, "reconnect", why))
		return false;
	while ((pool = meant(pool, database_name)) != NULL) {
		pool_reconnect(pool, "close_needed", loop_now());
		pool = pool->next;
	}
	return true;
}

bool steer_wait_close(struct session *session, const char *database_name, struct failure *why)
{
	return check_database(session, database_name, "wait in", why);
}

static bool has_old_servers(const struct pool *pool)
{
	for (int state = 0; state < SERVER_CLOSED; state++)
		for (const struct server *server = pool->servers[state].first; server != NULL;
		     server = server->next)
			if (server->close_needed)
				return true;
	return false;
}

bool steer_is_renewed(const struct session *session, const char *database_name)
{
	struct pool *pool = session->worker->pools->first;
	while ((pool = meant(pool, database_name)) != NULL) {
		if (has_old_servers(pool))
			return false;
		pool = pool->next;
	}
	return true;
}

/* --- clients ------------------------------------------------------------------------------ */

/* The pools stay paused, or the clients would be back at once. */
bool steer_kill(struct session *session, const char *database_name, struct failure *why)
{
	if (!may_pause(session, why) || !check_database(session, database_name, "kill", why))
		return false;
	pause_meant(session, database_name);
	for (struct session *other = session->worker->sessions; other != NULL; other = other->next)
		if (other->pool != NULL && is_meant(other->pool, database_name))
			session_kill(other, FAILURE_KILLED);
	return true;
}

bool steer_kill_client(struct session *session, const char *id, struct failure *why)
{
	char *end;
	errno = 0;
	unsigned long long number = strtoull(id, &end, 10);

	if (id[0] < '0' || id[0] > '9' || *end != '\0' || errno != 0)
		return failure_set(why, FAILURE_CONSOLE_ERROR, "invalid client pointer supplied");
	for (struct session *other = session->worker->sessions; other != NULL; other = other->next)
		if (other->id == number && !other->is_ending) {
			session_kill(other, FAILURE_KILLED);
			return true;
		}
	return failure_set(why, FAILURE_CONSOLE_ERROR, "client not found");
}

/* --- the process -------------------------------------------------------------------------- */

bool steer_reload(struct session *session, const char *nothing, struct failure *why)
{
	(void)nothing;
	return daemon_reload(session->worker->daemon) || failure_set(why, FAILURE_RELOAD_FAILED);
}

bool steer_set(struct session *session, const char *name, const char *value, struct failure *why)
{
	if (!session->is_admin)
		return failure_set(why, FAILURE_CONSOLE_NOT_ADMIN);
	session_log(session, LEVEL_LOG, "SET %s", name);
	return daemon_set(session->worker->daemon, name, value, why);
}

void steer_write_pending(struct writer *writer, const struct session *session)
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

bool steer_shutdown(struct session *session, const char *what_for, struct failure *why)
{
	struct daemon *daemon = session->worker->daemon;

	if (strcasecmp(what_for, "WAIT_FOR_SERVERS") == 0) {
		daemon_shut_down_gently(daemon, DAEMON_WAITING_FOR_SERVERS);
		return true;
	}
	if (strcasecmp(what_for, "WAIT_FOR_CLIENTS") == 0) {
		daemon_shut_down_gently(daemon, DAEMON_WAITING_FOR_CLIENTS);
		return true;
	}
	if (what_for[0] != '\0')
		return failure_set(why, FAILURE_CONSOLE_SYNTAX, what_for);
	daemon_shut_down(daemon);
	failure_set(why, FAILURE_SHUTTING_DOWN);
	why->told = true;
	return false;
}
