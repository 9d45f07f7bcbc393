#include "daemon/relay/unreported.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/settings.h"
#include "daemon/relay/upstream.h"
#include "daemon/worker.h"
#include "pool/pools.h"
#include "pool/server.h"
#include "protocol/failure.h"
#include "protocol/message.h"
#include "protocol/writer.h"

/* PostgreSQL's own names have up to 63 bytes. */
#define NAME_BYTES 128
#define ANSWER_BYTES ((size_t)64 * 1024)

/* Others are names of nothing, and could end the quotes around them. */
static bool take_name(char *name, const char *word, size_t length)
{
	if (length >= NAME_BYTES)
		return false;
	memcpy(name, word, length);
	name[length] = '\0';
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") ==
	       length;
}

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
	char sql[2 * NAME_BYTES + 192];
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

bool await_unreported_noted(struct server *server, const struct settings *settings,
			    struct failure *why, int64_t deadline)
{
	const char *list = settings->track_extra_parameters;
	const char *word;
	size_t length;
	char name[NAME_BYTES];

	while (settings_list_next(&list, &word, &length))
		if (take_name(name, word, length) &&
		    parameters_get(server->reported, name) == NULL &&
		    !await_noted(server, name, why, deadline))
			return false;
	return true;
}

static bool mentions_set_config(const char *text, size_t length)
{
	static const char name[] = "set_config";
	const char *last = text + length - (sizeof name - 1);

	for (; length >= sizeof name - 1 && text <= last; text++)
		if ((*text | ' ') == 's' && strncasecmp(text, name, sizeof name - 1) == 0)
			return true;
	return false;
}

void unreported_note_request(struct upstream *upstream, const struct message *message)
{
	if (!message_is_whole(message) || mentions_set_config(message->body, message->body_length))
		upstream->has_set = true;
}
