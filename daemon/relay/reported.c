#include "daemon/relay/reported.h"

#include <string.h>

#include "daemon/relay/prepared.h"
#include "daemon/relay/upstream.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/pool.h"
#include "pool/pools.h"
#include "pool/server.h"
#include "protocol/message.h"
#include "protocol/parameters.h"
#include "protocol/writer.h"

/* Splits "name\0value\0". */
static bool split_parameter(const struct message *message, const char **name, const char **value)
{
	const char *body = message->body;
	size_t length = message->body_length;

	if (length < 2 || body[length - 1] != '\0')
		return false;
	*name = body;
	*value = body + strlen(body) + 1;
	return *value < body + length;
}

/* What the client came with may have been given up by a RESET, as its tag tells, or by a SET. */
static bool note_returned(struct upstream *upstream, const char *name)
{
	if (parameters_get(upstream->session->startup, name) == NULL)
		return true;
	if (upstream->returned == NULL)
		parameters_assign(&upstream->returned,
				  parameters_empty(upstream->worker->pools->parameters));
	return parameters_change(&upstream->returned, name, "");
}

static bool change_start(struct server *server, const char *name, const char *value)
{
	return parameters_change(&server->origin, name, value) &&
	       parameters_change(&server->base, name, value);
}

static bool is_value_in(const struct parameters *set, const char *name, const char *value)
{
	const char *there = parameters_get(set, name);

	return there != NULL && strcmp(there, value) == 0;
}

/*
 * A parameter changed. If it was the client's doing it becomes its wish, unless it is back to where every
 * client starts.
 */
static bool note_wish(struct upstream *upstream, const char *name, const char *value, bool is_own)
{
	struct parameters **wishes = &upstream->session->wishes;
	struct server *server = upstream->server;

	if (parameter_is_read_only(name))
		return change_start(server, name, value);
	/* What else comes with a SET of ours is the server's: its configuration was read again. */
	if (is_own && parameter_is_kept(name) && parameters_get(*wishes, name) == NULL &&
	    !is_value_in(server->base, name, value))
		parameters_assign(&server->applied, NULL);
	if (is_own)
		return true;
	bool back = is_value_in(server->base, name, value);
	if (!parameters_change(wishes, name, back ? NULL : value) ||
	    (is_value_in(server->origin, name, value) && !note_returned(upstream, name)))
		return false;
	if (parameter_shapes_literals(name))
		prepared_note_literals(upstream);
	return server->applied == NULL ||
	       parameters_change(&server->applied, name, back ? NULL : value);
}

/* Who the server's user is: SET SESSION AUTHORIZATION changes it, and SET ROLE may. */
static bool is_identity(const char *name)
{
	return strcmp(name, "session_authorization") == 0 || strcmp(name, "is_superuser") == 0;
}

static bool is_as_in(const struct parameters *start, const struct server *server, const char *name)
{
	const char *reported = parameters_get(server->reported, name);

	return reported == NULL || parameters_get(start, name) == NULL ||
	       is_value_in(start, name, reported);
}

bool reported_is_disguised(const struct server *server)
{
	bool is_other_role =
		server->applied != NULL && parameters_get(server->applied, "role") != NULL;

	return !is_as_in(server->base, server, "session_authorization") ||
	       (!is_as_in(server->base, server, "is_superuser") && !is_other_role);
}

bool reported_note(struct upstream *upstream, const struct message *message, bool is_own)
{
	struct server *server = upstream->server;
	const char *name;
	const char *value;

	if (!split_parameter(message, &name, &value) || !server_may_report(server, name) ||
	    !server_note_parameter(server, name, value))
		return false;
	/* Neither a client's wish, nor where the next one starts. */
	if (is_identity(name)) {
		upstream->is_disguised = !is_as_in(server->base, server, "session_authorization") ||
					 !is_as_in(server->base, server, "is_superuser");
		return true;
	}
	if (upstream->session != NULL)
		return note_wish(upstream, name, value, is_own);
	/* At rest nobody's query can have caused it: the server was reconfigured. */
	if (upstream->pipeline.count == 0)
		return change_start(server, name, value);
	/* A rollback or a reset: whose wishes are in force now has to be found out. */
	parameters_assign(&server->applied, NULL);
	return true;
}

/* What its new server may start with otherwise is a wish from now on, if it is kept. */
static bool keep_start(struct session *session, const struct server *server)
{
	for (size_t i = 0; i < parameters_count(session->start); i++) {
		const char *name = parameters_name(session->start, i);
		const char *value = parameters_value(session->start, i);
		if (!parameter_is_kept(name) || parameters_get(session->wishes, name) != NULL ||
		    parameters_get(server->reported, name) == NULL ||
		    is_value_in(server->base, name, value))
			continue;
		if (!parameters_change(&session->wishes, name, value))
			return false;
	}
	return true;
}

bool reported_follow_start(struct session *session)
{
	const struct server *server = session->upstream->server;

	if (session->start == server->base)
		return true;
	if (!keep_start(session, server))
		return false;
	parameters_assign(&session->start, server->base);
	return true;
}

/* Spells what is wished as the server does, and tells the client. */
static bool take_spelling(const struct server *server, struct parameters **wishes,
			  struct writer *told)
{
	for (size_t i = 0; i < parameters_count(*wishes); i++) {
		const char *wished = parameters_name(*wishes, i);
		const char *name = parameters_spelling(server->reported, wished);
		const char *spelled = parameters_get(server->reported, wished);
		if (spelled == NULL || strcmp(spelled, parameters_value(*wishes, i)) == 0)
			continue;
		write_parameter_status(told, name, spelled);
		if (told->failed || !parameters_change(wishes, name, spelled))
			return false;
	}
	return true;
}

bool reported_note_applied(struct upstream *upstream, struct writer *told)
{
	struct session *session = upstream->session;
	struct server *server = upstream->server;

	if (session == NULL || upstream->pipeline.own_failed)
		return true;
	struct parameters *given = parameters_hold(session->wishes);
	parameters_prove(given, server->pool->id);
	bool taken = take_spelling(server, &session->wishes, told);
	parameters_prove(session->wishes, server->pool->id);
	if (session->wishes != given)
		parameters_assign(&session->given, given);
	if (session->startup == given)
		parameters_assign(&session->startup, session->wishes);
	if (server->applied == given)
		parameters_assign(&server->applied, session->wishes);
	parameters_drop(given);
	return taken;
}

/* The client knows already what is as the server has it. */
static bool restore(struct upstream *upstream, const char *name, struct writer *told)
{
	struct session *session = upstream->session;
	const struct server *server = upstream->server;
	const char *reported = parameters_get(server->reported, name);
	const char *value = parameters_get(session->startup, name);

	if (reported == NULL || value == NULL || !is_as_in(server->origin, server, name))
		return true;
	if (strcmp(reported, value) != 0)
		write_parameter_status(told, name, value);
	if (parameter_shapes_literals(name))
		prepared_note_literals(upstream);
	return !told->failed && parameters_change(&session->wishes, name, value);
}

bool reported_note_reset(struct upstream *upstream, struct writer *told)
{
	struct parameters *returned = upstream->returned;
	bool counts = upstream->has_reset && upstream->session != NULL && returned != NULL;
	bool good = true;

	for (size_t i = 0; counts && good && i < parameters_count(returned); i++)
		good = restore(upstream, parameters_name(returned, i), told);
	parameters_assign(&upstream->returned, NULL);
	upstream->has_reset = false;
	return good;
}
