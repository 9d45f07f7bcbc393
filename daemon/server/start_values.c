#include "daemon/server/start_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/settings.h"
#include "daemon/relay/upstream.h"
#include "daemon/worker.h"
#include "pool/pools.h"
#include "pool/server.h"
#include "protocol/failure.h"
#include "protocol/message.h"
#include "protocol/sql_settings.h"
#include "protocol/writer.h"

#define ANSWER_BYTES ((size_t)64 * 1024)

/* Without a row there is no such parameter, or it may not be set: nothing is noted. Otherwise it is
 * taken back when in doubt, as after a reset query. */
static bool note_answer(struct server *server, const char *name, const struct writer *replies)
{
	struct parameter_table *table = upstream_of(server)->worker->pools->parameters;
	const char *at = replies->data;
	const char *end = at + replies->length;
	struct message message;
	const char *value = NULL;
	size_t length = 0;

	while (message_look(at, (size_t)(end - at), &message) && message_is_whole(&message)) {
		const char *cursor = message.body + 2;
		if (message.letter == BACKEND_DATA_ROW && message.body_length > 2)
			row_next(&cursor, message.body + message.body_length, &value, &length);
		at += message.present;
	}
	if (value == NULL)
		return true;
	char *text = strndup(value, length);
	bool noted = text != NULL && server_note_base(server, table, name, text) &&
		     parameters_change(&server->unreported, name, "");
	free(text);
	return noted;
}

static bool await_noted(struct server *server, const char *name, struct failure *why,
			int64_t deadline)
{
	struct upstream *upstream = upstream_of(server);
	char sql[2 * SQL_PARAMETER_BYTES + 192];
	struct writer replies;

	writer_init(&replies);
	snprintf(sql, sizeof sql,
		 "SELECT pg_catalog.set_config('%s', value, false) FROM (SELECT "
		 "pg_catalog.current_setting('%s', true) AS value) AS now WHERE value IS NOT NULL",
		 name, name);
	bool answered = upstream_ask(upstream, FRONTEND_QUERY, sql) &&
			upstream_collect(upstream, &replies, ANSWER_BYTES, deadline);
	bool done = answered ? note_answer(server, name, &replies) ||
				       failure_set(why, FAILURE_NO_MEMORY) :
			       failure_set(why, FAILURE_SERVER_GONE);
	writer_release(&replies);
	return done;
}

static bool is_reported(const struct server *server, const char *name)
{
	return parameters_get(server->reported, name) != NULL;
}

/* What connect_query sets is where clients start. */
struct starting {
	struct parameters *names;
	bool failed;
};

static void add_start(void *context, enum sql_setting setting, const char *name)
{
	struct starting *starting = context;

	if (setting == SQL_SETS && !parameters_change(&starting->names, name, ""))
		starting->failed = true;
}

static bool await_sets_noted(struct server *server, const char *query, struct failure *why,
			     int64_t deadline)
{
	struct starting starting = {0};

	parameters_assign(&starting.names,
			  parameters_empty(upstream_of(server)->worker->pools->parameters));
	sql_each_setting(query, strlen(query), add_start, &starting);
	bool noted = !starting.failed || failure_set(why, FAILURE_NO_MEMORY);
	for (size_t i = 0; noted && i < parameters_count(starting.names); i++) {
		const char *name = parameters_name(starting.names, i);
		noted = is_reported(server, name) || await_noted(server, name, why, deadline);
	}
	parameters_drop(starting.names);
	return noted;
}

bool await_start_values_noted(struct server *server, const struct settings *settings,
			      const char *connect_query, struct failure *why, int64_t deadline)
{
	const char *list = settings->track_extra_parameters;
	const char *word;
	size_t length;
	char name[SQL_PARAMETER_BYTES];

	while (settings_list_next(&list, &word, &length))
		if (sql_parameter_name(name, word, length) && !is_reported(server, name) &&
		    !await_noted(server, name, why, deadline))
			return false;
	return connect_query == NULL || !settings->track_session_parameters ||
	       await_sets_noted(server, connect_query, why, deadline);
}
