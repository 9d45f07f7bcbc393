#include "daemon/login/wishes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/log.h"
#include "daemon/peer.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/server.h"
#include "protocol/startup.h"

/* The client is told of it before a server is, and its drivers know only PostgreSQL's own names. */
static const char *fold_encoding(const char *name, const char *value)
{
	const char *folded =
		strcasecmp(name, "client_encoding") == 0 ? server_encoding_name(value) : NULL;

	return folded != NULL ? folded : value;
}

static bool note_parameter(struct session *session, enum failure_kind unsupported, const char *name,
			   const char *value, struct failure *why)
{
	const struct settings *settings = session->worker->settings;
	const char *spelling = parameters_spelling(session->start, name);
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
	bool others_ignored =
		settings_list_has(session->worker->settings->ignore_startup_parameters, "options");
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

void wishes_log(const struct session *session, const struct startup *startup)
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

bool wishes_note(struct session *session, const struct startup *startup, struct failure *why)
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

bool wishes_note_on_console(struct session *session, const struct startup *startup,
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
