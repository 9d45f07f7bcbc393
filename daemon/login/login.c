#include "daemon/login/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/memory.h"
#include "daemon/borrow.h"
#include "daemon/cancel.h"
#include "daemon/console/console.h"
#include "daemon/console/console_stats.h"
#include "daemon/daemon.h"
#include "daemon/goodbye.h"
#include "daemon/login/admission.h"
#include "daemon/login/greeting.h"
#include "daemon/login/quota.h"
#include "daemon/relay/replicate.h"
#include "daemon/runtime/loop.h"
#include "daemon/runtime/tls.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/server.h"
#include "protocol/message.h"
#include "protocol/startup.h"
#include "protocol/writer.h"

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

/* --- parameters --------------------------------------------------------------------------- */

/* The client is told of it before a server is, and its drivers know only PostgreSQL's own names. */
static const char *fold_encoding(const char *name, const char *value)
{
	const char *folded =
		strcasecmp(name, "client_encoding") == 0 ? server_encoding_name(value) : NULL;

	return folded != NULL ? folded : value;
}

static bool note_parameter(struct session *session, enum failure_kind unsupported,
			   const char *name, const char *value, struct failure *why)
{
	const struct settings *settings = session->worker->settings;
	const char *spelling = parameters_spelling(session->welcome, name);
	bool is_tracked = spelling != NULL || settings_track(settings, name);

	if (is_tracked && !parameter_is_read_only(name))
		return parameters_change(&session->wishes, spelling != NULL ? spelling : name,
					 fold_encoding(name, value)) ||
		       failure_set(why, FAILURE_NO_MEMORY);
	if (settings_list_has(settings->ignore_startup_parameters, name))
		return true;
	return failure_set(why, unsupported, name);
}

static bool note_options(struct session *session, const char *options, struct failure *why)
{
	bool others_ignored = settings_list_has(session->worker->settings->ignore_startup_parameters,
						"options");
	char *copy = strdup(options);
	char *cursor = copy;
	const char *name;
	const char *value;
	int found = copy == NULL ? -1 : 1;

	if (copy == NULL)
		failure_set(why, FAILURE_NO_MEMORY);
	while (found > 0 && (found = startup_option_next(&cursor, &name, &value, why)) > 0)
		if (!note_parameter(session, FAILURE_STARTUP_OPTION, name, value, why) &&
		    !(others_ignored && why->kind == FAILURE_STARTUP_OPTION))
			found = -1;
	free(copy);
	return found == 0 || (others_ignored && why->kind == FAILURE_STARTUP_OPTIONS);
}

/* So that the server's own views tell from where each client came, as in PgBouncer's words. */
static bool add_host(struct session *session, struct failure *why)
{
	const char *wished = parameters_get(session->wishes, "application_name");
	char peer[PEER_TEXT_BYTES + 8];
	char name[400];

	peer_text(&session->peer, peer, sizeof peer);
	snprintf(name, sizeof name, "%.300s - %s", wished != NULL ? wished : "app", peer);
	return parameters_change(&session->wishes, "application_name", name) ||
	       failure_set(why, FAILURE_NO_MEMORY);
}

/* With more to be logged than usual, what each client has come with. */
static void log_startup(const struct session *session, const struct startup *startup)
{
	const char *cursor = startup->parameters;
	const char *name;
	const char *value;

	if (!log_takes(session->worker->log, LEVEL_DEBUG))
		return;
	if (startup->options != NULL)
		session_log(session, LEVEL_DEBUG, "got var: options=%s", startup->options);
	if (startup->replication != REPLICATION_NONE)
		session_log(session, LEVEL_DEBUG, "got var: replication=%s",
			    startup->replication == REPLICATION_LOGICAL ? "database" : "true");
	while (startup_next(&cursor, &name, &value))
		session_log(session, LEVEL_DEBUG, "got var: %s=%s", name, value);
}

/* What the client asks for beyond a user and a database. Protocol options are answered later. */
static bool note_parameters(struct session *session, const struct startup *startup,
			    struct failure *why)
{
	const char *cursor = startup->parameters;
	const char *name;
	const char *value;

	if (startup->options != NULL && !note_options(session, startup->options, why))
		return false;
	while (startup_next(&cursor, &name, &value))
		if (!startup_is_protocol_option(name) &&
		    !note_parameter(session, FAILURE_STARTUP_PARAMETER, name, value, why))
			return false;
	if (session->worker->settings->application_name_add_host && !add_host(session, why))
		return false;
	parameters_assign(&session->startup, session->wishes);
	return true;
}

/* On the console there is no server to tell anything to, and whatever a client asks for will do; but it
 * is shown who it says it is. */
static bool note_application(struct session *session, const struct startup *startup,
			     struct failure *why)
{
	const char *cursor = startup->parameters;
	const char *name;
	const char *value;

	while (startup_next(&cursor, &name, &value))
		if (strcasecmp(name, "application_name") == 0 &&
		    !parameters_change(&session->wishes, name, value))
			return failure_set(why, FAILURE_NO_MEMORY);
	return !session->worker->settings->application_name_add_host || add_host(session, why);
}

/* --- the welcome -------------------------------------------------------------------------- */

static uint32_t count_protocol_options(const struct startup *startup)
{
	const char *cursor = startup->parameters;
	const char *name;
	const char *value;
	uint32_t count = 0;

	while (startup_next(&cursor, &name, &value))
		count += startup_is_protocol_option(name);
	return count;
}

/* NegotiateProtocolVersion: the newest minor version known here, and the options, none of which is. */
static void write_negotiation(struct writer *writer, const struct startup *startup,
			      uint32_t option_count)
{
	const char *cursor = startup->parameters;
	const char *name;
	const char *value;

	message_begin(writer, NEGOTIATION_LETTER);
	write_uint32(writer, PROTOCOL_VERSION);
	write_uint32(writer, option_count);
	while (startup_next(&cursor, &name, &value))
		if (startup_is_protocol_option(name))
			write_text(writer, name);
	message_end(writer);
}

/*
 * If the client asks for more than is known here: a newer version, or protocol options. In front of any
 * question about who it is: a client does not expect it any later.
 */
static bool negotiate(struct session *session, const struct startup *startup, struct failure *why)
{
	uint32_t option_count = count_protocol_options(startup);
	struct writer writer;

	if (option_count == 0 && startup->minor == 0)
		return true;
	writer_init(&writer);
	write_negotiation(&writer, startup, option_count);
	return send_message(session, &writer, why);
}

static void write_parameters(struct writer *writer, const struct session *session)
{
	const struct parameters *welcome = session->welcome;

	for (size_t i = 0; i < parameters_count(welcome); i++) {
		const char *name = parameters_name(welcome, i);
		const char *wished = parameters_get(session->wishes, name);
		/* The name that the client came with, not the one the server is logged in as. */
		if (strcasecmp(name, "session_authorization") == 0)
			wished = session->user_name;
		write_parameter_status(writer, name,
				       wished != NULL ? wished : parameters_value(welcome, i));
	}
}

static void write_welcome(struct writer *writer, const struct session *session)
{
	message_begin(writer, AUTHENTICATION_LETTER);
	write_uint32(writer, AUTHENTICATION_OK);
	message_end(writer);
	if (session->phase == SESSION_CONSOLE)
		console_write_parameters(writer);
	else
		write_parameters(writer, session);
	message_begin(writer, BACKEND_KEY_LETTER);
	write_bytes(writer, session->cancel_key.bytes, CANCEL_KEY_BYTES);
	message_end(writer);
	if (session->worker->settings->login_notify_message[0] != '\0')
		write_notice(writer, session->worker->settings->login_notify_message, "");
	write_ready_for_query(writer, 'I');
}

static bool send_welcome(struct session *session, struct failure *why)
{
	struct writer writer;

	if (!cancel_key_assign(session->worker->cancel_keys, session))
		return failure_set(why, FAILURE_NO_MEMORY);
	writer_init(&writer);
	write_welcome(&writer, session);
	/* With what the handshake of TLS has posted, in one packet. */
	return post_message(session, &writer, why);
}

/* A replication client has a server of its own, from its login on. */
static bool await_own_server(struct session *session, struct failure *why, int64_t deadline)
{
	if (!await_borrow(session, FAILURE_LOGIN_TIMEOUT_SERVER_DOWN, why, deadline))
		return false;
	session->welcome = pool_welcome(session->pool);
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

	session->welcome = pool_welcome(session->pool);
	if (parameters_count(session->welcome) > 0)
		return true;
	if (!await_server_is_there(session, late, why, limit))
		return false;
	parameters_drop(session->welcome);
	session->welcome = pool_welcome(session->pool);
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
				 !note_parameters(session, startup, why))
		return false;
	session->phase = SESSION_LOGGED_IN;
	session->client.is_eager = true;
	/* Counted before anybody can know of it. */
	stats_count(&session->share->stats.client_login_count, 1);
	bool welcome = send_welcome(session, why);
	parameters_assign(&session->welcome, NULL);
	return welcome;
}

static bool console_login(struct session *session, const struct startup *startup,
			  struct failure *why)
{
	if (!console_admits(session, why) || !note_application(session, startup, why))
		return false;
	if (session->in_reserve && !session->is_admin)
		return failure_set(why, FAILURE_NO_DESCRIPTORS);
	session->phase = SESSION_CONSOLE;
	session->worker->daemon->console_count++;
	if (!quota_enter(session, why))
		return false;
	console_stats_login(session);
	return send_welcome(session, why);
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
	log_startup(session, startup);
	is_console = settings_is_console(session->database_name);
	if (is_console)
		session_uncount(session);
	else if (!has_place(session, why))
		return false;
	if (session->worker->closing && !is_console)
		return failure_set(why, FAILURE_SHUTTING_DOWN);
	log_attempt(session);
	if (!negotiate(session, startup, why) || !await_identified(session, startup, why, deadline))
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
