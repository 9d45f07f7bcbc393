#include "daemon/login/login.h"

#include <stdlib.h>
#include <string.h>

#include "conf/memory.h"
#include "daemon/borrow.h"
#include "daemon/console/console.h"
#include "daemon/console/console_stats.h"
#include "daemon/daemon.h"
#include "daemon/login/admission.h"
#include "daemon/login/greeting.h"
#include "daemon/login/quota.h"
#include "daemon/login/welcome.h"
#include "daemon/login/wishes.h"
#include "daemon/relay/replicate.h"
#include "daemon/runtime/loop.h"
#include "daemon/runtime/tls.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "protocol/startup.h"

/* For whoever has a descriptor that is kept for when there are no others. */
#define LIMIT_IN_RESERVE_US INT64_C(5000000)

/* --- who and where ------------------------------------------------------------------------ */

/* A server cuts a longer name, so it would be another one only here. What the files name may have any length. */
static char *name_of(const char *name, bool is_known)
{
	return is_known ? strdup(name) : strndup(name, startup_name_length(name));
}

static bool has_entry(const struct settings *settings, const char *name)
{
	const struct database *database = settings_find_database(settings, name);

	return database != NULL && strcmp(database->name, name) == 0;
}

static bool note_names(struct session *session, const struct startup *startup, struct failure *why)
{
	const struct settings *settings = session->worker->settings;
	const char *database = startup->database != NULL ? startup->database : startup->user;

	if (startup->user == NULL)
		return failure_set(why, FAILURE_NO_USER_NAME);
	session->user_name = name_of(startup->user,
				     auth_users_find(&settings->auth_users, startup->user) != NULL);
	session->database_name = name_of(database, has_entry(settings, database));
	return (session->user_name != NULL && session->database_name != NULL) ||
	       failure_set(why, FAILURE_NO_MEMORY);
}

/* Everybody is counted from accept on, but for those in reserve, where there is no place. Who is one too many leaves
 * the count by the same step in which that is found out, so that of two who come for the last place one gets it. */
static bool has_place(struct session *session, struct failure *why)
{
	struct daemon *daemon = session->worker->daemon;
	size_t most = (size_t)session->worker->settings->max_client_conn;
	size_t present = atomic_load(&daemon->present_count);

	if (session->in_reserve)
		return failure_set(why, FAILURE_NO_DESCRIPTORS);
	do {
		if (present <= most)
			return true;
	} while (!atomic_compare_exchange_weak(&daemon->present_count, &present, present - 1));
	session->is_present = false;
	failure_set(why, FAILURE_TOO_MANY_CLIENTS);
	return failure_detail(why, "%zu clients are connected; max_client_conn is %zu.",
			      present - 1, most);
}

/* With auth_type any a name means nothing: who the server takes the client for is who it is here, too. */
static bool become_forced_user(struct session *session, const struct database *database,
			       struct failure *why)
{
	if (database->user == NULL) {
		session_log(session, LEVEL_ERROR, "auth_type=any requires forced user");
		return failure_set(why, FAILURE_CONFIG);
	}
	char *name = strdup(database->user);
	if (name == NULL)
		return failure_set(why, FAILURE_NO_MEMORY);
	if (session->worker->settings->log_connections)
		session_log(session, LEVEL_LOG, "taken for the forced user \"%s\"", name);
	free(session->user_name);
	session->user_name = name;
	return true;
}

static bool fail_without_database(const struct session *session, struct failure *why)
{
	if (session->worker->settings->log_connections)
		session_log(session, LEVEL_LOG, "login failed: db=%s user=%s",
			    session->database_name, session->user_name);
	return failure_set(why, FAILURE_NO_DATABASE, session->database_name);
}

static bool find_pool(struct session *session, const struct replication *replication,
		      struct failure *why)
{
	const struct settings *settings = session->worker->settings;
	struct daemon *daemon = session->worker->daemon;
	const struct database *database =
		settings_find_database(settings, session->database_name);

	if (database == NULL)
		return fail_without_database(session, why);
	if (settings->auth_type == AUTH_ANY && !become_forced_user(session, database, why))
		return false;
	atomic_fetch_add(&daemon->client_count, 1);
	if (quota_enter(session, why)) {
		if (session_join_pool(session, database, replication)) {
			if (pool_is_news(session->pool))
				log_write(session->worker->log, LEVEL_LOG,
					  "registered new auto-database: db=%s",
					  session->database_name);
			return true;
		}
		failure_set(why, FAILURE_NO_MEMORY);
	}
	atomic_fetch_sub(&daemon->client_count, 1);
	return false;
}

/* --- into the pool, or to the console ----------------------------------------------------- */

/* A replication client has a server of its own, from its login on. */
static bool await_own_server(struct session *session, struct failure *why, int64_t deadline)
{
	if (!await_borrow(session, FAILURE_LOGIN_TIMEOUT_SERVER_DOWN, why, deadline))
		return false;
	session->start = pool_welcome(session->pool);
	return true;
}

/*
 * What a server reports is a part of the welcome, so before the first one of a pool has logged in
 * its clients wait for it.
 */
static bool await_first_server(struct session *session, struct failure *why, int64_t deadline)
{
	enum failure_kind late;
	int64_t limit = borrow_deadline_in_login(session, deadline, &late);

	session->start = pool_welcome(session->pool);
	if (parameters_count(session->start) > 0)
		return true;
	if (!await_server_is_there(session, late, why, limit))
		return false;
	parameters_drop(session->start);
	session->start = pool_welcome(session->pool);
	return true;
}

static bool await_pool_login(struct session *session, const struct startup *startup,
			     struct failure *why, int64_t deadline)
{
	struct replication replication;
	bool replicates = replication_is_asked_for(startup, &replication);

	if (!find_pool(session, replicates ? &replication : NULL, why))
		return false;
	if (replicates ? !await_own_server(session, why, deadline) :
			 !await_first_server(session, why, deadline) ||
				 !wishes_note(session, startup, why))
		return false;
	session->phase = SESSION_LOGGED_IN;
	session->client.is_eager = true;
	/* Counted before anybody can know of it. */
	stats_count(&session->share->stats.client_login_count, 1);
	return welcome_send(session, why);
}

static bool console_login(struct session *session, const struct startup *startup,
			  struct failure *why)
{
	if (!console_admits(session, why) || !wishes_note_on_console(session, startup, why))
		return false;
	if (session->in_reserve && !session->is_admin)
		return failure_set(why, FAILURE_NO_DESCRIPTORS);
	session->phase = SESSION_CONSOLE;
	session->worker->daemon->console_count++;
	if (!quota_enter(session, why))
		return false;
	console_stats_login(session);
	return welcome_send(session, why);
}

/* Whether the client is who it says; the kernel vouches for who runs the process. */
static bool await_identified(struct session *session, const struct startup *startup,
			     struct failure *why, int64_t deadline)
{
	bool is_console = settings_is_console(session->database_name);
	/* Logical replication is one of a database, and admitted like its other clients. The console has
	 * nothing to replicate, and is no less guarded for those who ask. */
	bool is_replication = !is_console && startup->replication == REPLICATION_PHYSICAL;

	return (is_console && console_is_asked_by_owner(session)) ||
	       await_admitted(session, is_replication, why, deadline);
}

static void log_attempt(const struct session *session)
{
	char tls[128];

	if (!session->worker->settings->log_connections)
		return;
	tls_describe(&session->client, tls, sizeof tls);
	session_log(session, LEVEL_LOG, "login attempt: db=%s user=%s tls=%s",
		    session->database_name, session->user_name, tls[0] != '\0' ? tls : "no");
}

static bool await_introduced(struct session *session, const struct startup *startup,
			     struct failure *why, int64_t deadline)
{
	bool is_console;

	if (session->killed != FAILURE_NONE)
		return failure_set(why, session->killed);
	if (!note_names(session, startup, why))
		return false;
	wishes_log(session, startup);
	is_console = settings_is_console(session->database_name);
	if (is_console)
		session_uncount(session);
	else if (!has_place(session, why))
		return false;
	if (session->worker->closing && !is_console)
		return failure_set(why, FAILURE_SHUTTING_DOWN);
	log_attempt(session);
	if (!welcome_negotiate(session, startup, why) ||
	    !await_identified(session, startup, why, deadline))
		return false;
	return is_console ? console_login(session, startup, why) :
			    await_pool_login(session, startup, why, deadline);
}

static void wipe_secrets(struct session *session)
{
	for (int kind = 0; kind < POOL_SECRETS; kind++) {
		text_wipe(session->secrets[kind]);
		session->secrets[kind] = NULL;
	}
}

static bool await_login_until(struct session *session, struct failure *why, int64_t deadline)
{
	struct startup startup;
	struct failure ignored;

	if (!await_startup(session, &startup, why, deadline))
		return false;
	/* The scratch buffer is everybody's, and what follows waits. */
	char *packet = malloc(startup.packet_length);
	if (packet == NULL)
		return failure_set(why, FAILURE_NO_MEMORY);
	memcpy(packet, startup.packet, startup.packet_length);
	startup_parse(packet, startup.packet_length, &startup, &ignored);
	bool welcome = await_introduced(session, &startup, why, deadline);
	wipe_secrets(session);
	free(packet);
	return welcome;
}

/* The reserve is for admins and cancel requests, which come to the point; others could hold all of it without a word. */
static bool await_login_in_reserve(struct session *session, struct failure *why, int64_t deadline)
{
	int64_t limit = session->accepted_at + LIMIT_IN_RESERVE_US;
	bool is_short = limit < deadline;

	if (await_login_until(session, why, is_short ? limit : deadline))
		return true;
	if (is_short && why->kind == FAILURE_LOGIN_TIMEOUT)
		failure_set(why, FAILURE_NO_DESCRIPTORS);
	return false;
}

bool await_login(struct session *session, struct failure *why)
{
	int64_t limit = session->worker->settings->client_login_timeout_us;
	int64_t deadline = limit > 0 ? session->accepted_at + limit : DEADLINE_NEVER;

	return session->in_reserve ? await_login_in_reserve(session, why, deadline) :
				     await_login_until(session, why, deadline);
}
