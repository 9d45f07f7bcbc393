#include "daemon/relay/unreported.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/array.h"
#include "conf/settings.h"
#include "daemon/relay/prepared.h"
#include "daemon/relay/question.h"
#include "daemon/relay/set_cache.h"
#include "daemon/relay/setting_question.h"
#include "daemon/relay/upstream.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/pool.h"
#include "pool/pools.h"
#include "pool/server.h"
#include "protocol/failure.h"
#include "protocol/message.h"
#include "protocol/sql_settings.h"
#include "protocol/statement.h"
#include "protocol/text.h"
#include "protocol/writer.h"

/* Beyond this a client keeps its server ... */
#define MOST_FOLLOWING ((size_t)50)
/* ... and a server is replaced. */
#define MOST_TAKEN_BACK ((size_t)200)

/* Whether what a client sets follows it. */
static bool tracks(const struct upstream *upstream)
{
	return pool_share_tracks_sets(&upstream->server->pool->shares[upstream->worker->index]);
}

/* --- what may have been set --------------------------------------------------------------- */

/* Cannot be asked for and set again, or is not for longer than a transaction. */
static bool can_follow(const char *name)
{
	static const char *const others[] = {"seed", "session_authorization",
					     "transaction_deferrable", "transaction_isolation",
					     "transaction_read_only"};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcasecmp(name, others[i]) == 0)
			return false;
	return true;
}

static bool is_reset(const char *how)
{
	return how[0] != '\0';
}

/* Until the client leaves. */
static void hold(struct upstream *upstream)
{
	if (!upstream->holds_settings)
		session_log(upstream->session, LEVEL_LOG,
			    "pinned to its server: it may have set there what can not follow it");
	upstream->holds_settings = true;
}

/* The first in which something may have been set. */
static void note_segment(struct upstream *upstream, uint32_t segment)
{
	if (parameters_count(upstream->touched) == 0 && !upstream->has_set)
		upstream->set_in = segment;
}

static void touch(struct upstream *upstream, const char *name, bool by_reset)
{
	if (parameters_get(upstream->server->reported, name) != NULL || !can_follow(name))
		return;
	note_segment(upstream, upstream->statements.segment);
	if (parameters_count(upstream->touched) == MOST_FOLLOWING)
		hold(upstream);
	else if (!parameters_change(&upstream->touched, name, by_reset ? "reset" : ""))
		session_kill(upstream->session, FAILURE_NO_MEMORY);
}

/* Values are known as they are spelled in the client's encoding, of which it may want another. */
static void touch_spelled(struct upstream *upstream)
{
	const struct parameters *wishes = upstream->session->wishes;

	for (size_t i = 0; i < parameters_count(wishes); i++)
		if (!text_is_ascii(parameters_value(wishes, i)))
			touch(upstream, parameters_name(wishes, i), false);
}

void unreported_note_call(struct upstream *upstream)
{
	note_segment(upstream, upstream->statements.rest_segment);
	upstream->has_set = true;
}

static void touch_each(struct upstream *upstream, const struct parameters *names)
{
	for (size_t i = 0; i < parameters_count(names); i++)
		touch(upstream, parameters_name(names, i), true);
}

/* What is where PostgreSQL starts, and its client too, stays there: a driver may reset all again and again. */
static void touch_all(struct upstream *upstream)
{
	touch_each(upstream, upstream->session->wishes);
	touch_each(upstream, upstream->server->base);
}

static void note_setting(void *context, enum sql_setting setting, const char *name)
{
	struct upstream *upstream = context;

	switch (setting) {
	case SQL_SETS:
	case SQL_RESETS:
		if (strcasecmp(name, "client_encoding") == 0)
			touch_spelled(upstream);
		touch(upstream, name, setting == SQL_RESETS);
		break;
	case SQL_RESETS_ALL:
		touch_all(upstream);
		break;
	case SQL_SETS_UNKNOWN:
		unreported_note_call(upstream);
		hold(upstream);
		break;
	}
}

/* Without following: that something is set is enough. */
static void note_any(void *context, enum sql_setting setting, const char *name)
{
	(void)setting, (void)name;
	unreported_note_call(context);
}

static void note_each(struct upstream *upstream, const char *text, size_t length)
{
	sql_each_setting(text, length, tracks(upstream) ? note_setting : note_any, upstream);
}

void unreported_note_text(struct upstream *upstream, const char *text, size_t length)
{
	if (!sql_may_set(text, length))
		return;
	note_each(upstream, text, length);
	lone_set_note_text(&upstream->lone_set, text, length);
}

void unreported_note_statement(struct upstream *upstream, const struct statement *statement)
{
	if (statement->may_set)
		unreported_note_text(upstream, statement->body, statement->sql.length);
}

/* A text that is parsed, behind the statement's name. */
static void note_parsed(struct upstream *upstream, const char *body, size_t length)
{
	size_t name_bytes = strnlen(body, length) + 1;

	if (name_bytes >= length)
		return;
	const char *text = body + name_bytes;
	length = strnlen(text, length - name_bytes);
	if (sql_may_set(text, length))
		note_each(upstream, text, length);
}

void unreported_note_request(struct upstream *upstream, const struct message *message)
{
	size_t length = message->present - MESSAGE_HEADER_BYTES;

	/* Not with the zero at its end, which would stand behind a last semicolon. */
	if (message->letter == FRONTEND_QUERY)
		unreported_note_text(upstream, message->body,
				     message_is_whole(message) && length > 0 ? length - 1 : length);
	else if (message->letter != FRONTEND_PARSE)
		return;
	else
		note_parsed(upstream, message->body, length);
	if (!message_is_whole(message))
		unreported_note_call(upstream);
}

/* A function may set anything; what has another tag has a text that tells. */
void unreported_note_tag(struct upstream *upstream, const char *tag)
{
	lone_set_note_command(&upstream->lone_set, tag);
	if (parameters_count(upstream->server->unreported) == 0)
		return;
	bool discards = !tracks(upstream) && strcmp(tag, "DISCARD ALL") == 0;
	if (discards || strcmp(tag, "DO") == 0 || strcmp(tag, "CALL") == 0)
		unreported_note_call(upstream);
	/* PostgreSQL goes back to what a client came with; it does not know of it. */
	if (discards && upstream->session != NULL)
		parameters_assign(&upstream->server->applied, NULL);
}

/* --- what has come of it ------------------------------------------------------------------ */

static void forget_touched(struct upstream *upstream)
{
	parameters_assign(&upstream->touched,
			  parameters_empty(upstream->worker->pools->parameters));
}

bool unreported_is_open(const struct upstream *upstream)
{
	return (parameters_count(upstream->touched) > 0 ||
		(upstream->has_set && parameters_count(upstream->server->unreported) > 0)) &&
	       tracks(upstream);
}

/* What is asked for, besides the role: held. NULL without memory. */
static struct parameters *suspects(const struct upstream *upstream)
{
	const struct parameters *others = upstream->server->unreported;
	struct parameters *all = parameters_hold(upstream->touched);
	bool good = true;

	for (size_t i = 0; upstream->has_set && good && i < parameters_count(others); i++)
		if (parameters_get(all, parameters_name(others, i)) == NULL)
			good = parameters_change(&all, parameters_name(others, i), "");
	if (!good || !parameters_change(&all, ROLE, NULL))
		parameters_assign(&all, NULL);
	return all;
}

/* Back at the start there is no wish; but by a RESET the client goes back to what it came with. */
static const char *find_wish(const struct session *session, const char *name, const char *value,
			     bool is_back)
{
	const char *how = parameters_get(session->upstream->touched, name);

	if (!is_back)
		return value;
	return how != NULL && is_reset(how) ? parameters_get(session->startup, name) : NULL;
}

/* What is back where one server starts may not be so on another. */
static void remember(struct session *session, const char *name, const char *value)
{
	const struct upstream *upstream = session->upstream;
	const struct lone_set *lone = &upstream->lone_set;

	if (lone->is_asked_for && strcasecmp(name, parameters_name(upstream->touched, 0)) == 0)
		set_cache_add(&session->worker->set_cache, session->pool->id, lone->text,
			      lone->length, value);
}

/* Its value is the client's wish from now on, and what the server has. */
static bool note_known(struct session *session, const char *name, const char *value,
		       const char *start)
{
	struct upstream *upstream = session->upstream;
	struct server *server = upstream->server;
	const char *base = parameters_get(server->base, name);
	bool is_back = text_is_same(value, base != NULL ? base : start);
	const char *wish = find_wish(session, name, value, is_back);
	const char *before = parameters_get(session->wishes, name);

	if (strlen(value) > LONGEST_TOLD_VALUE ||
	    (wish != NULL && before == NULL &&
	     parameters_count(session->wishes) >= MOST_FOLLOWING)) {
		hold(upstream);
		return true;
	}
	if (!is_back)
		remember(session, name, value);
	return parameters_change(&session->wishes, name, wish) &&
	       (server->applied == NULL ||
		parameters_change(&server->applied, name, is_back ? NULL : value)) &&
	       (is_back || parameters_change(&server->unreported, name, ""));
}

/* `count`: the rows, of which the first is about the role. */
static bool note_rows(struct session *session, const struct writer *rows, size_t *count)
{
	const char *at = rows->data;
	const char *end = at + rows->length;
	struct message row;
	bool good = true;

	for (*count = 0; good && message_look(at, (size_t)(end - at), &row); at += row.present) {
		struct told_setting told;
		++*count;
		good = setting_question_read(&row, &told) &&
		       (told.value == NULL ||
			note_known(session, told.name, told.value, told.start));
		told_setting_release(&told);
	}
	return good;
}

/* Asks for some of them, and for the role; `*answered`: so many rows have come. */
static bool await_asked(struct session *session, const struct parameters *names, size_t from,
			size_t to, size_t *answered, struct failure *why)
{
	struct writer sql, rows;

	writer_init(&sql);
	writer_init(&rows);
	setting_question_write(&sql, names, from, to);
	bool done = !sql.failed ? await_question(session, sql.data, &rows, why) :
				  failure_set(why, FAILURE_NO_MEMORY);
	if (done && !note_rows(session, &rows, answered))
		done = failure_set(why, FAILURE_NO_MEMORY);
	writer_release(&sql);
	writer_release(&rows);
	return done;
}

/* Whether its client may have set something by another role than the one that logged in. */
static bool has_other_role(const struct upstream *upstream)
{
	const struct parameters *applied = upstream->server->applied;

	return applied == NULL || parameters_get(applied, ROLE) != NULL ||
	       parameters_get(upstream->touched, ROLE) != NULL;
}

/* False: the server has to be closed. A RESET fails, with nothing to take back, where a SET has failed; unless that was
 * by another role. */
static bool await_reset(struct upstream *upstream, const char *name, bool other_role,
			int64_t deadline)
{
	char sql[SQL_PARAMETER_BYTES + 16];
	struct failure why;

	snprintf(sql, sizeof sql, "RESET \"%s\"", name);
	if (upstream_query(upstream, sql, &why, deadline))
		return true;
	bool is_unknown = strcmp(why.sqlstate, "42704") == 0;
	bool is_forbidden = strcmp(why.sqlstate, "42501") == 0;
	return pipeline_is_idle(&upstream->pipeline) &&
	       (is_unknown || (is_forbidden && !other_role));
}

/* It does not follow its client, and nobody else is to find it. */
static bool await_untold(struct session *session, const char *name, struct failure *why)
{
	struct upstream *upstream = session->upstream;
	int64_t limit = session->worker->settings->server_connect_timeout_us;

	session_log(session, LEVEL_WARNING,
		    "%s does not follow it: the server does not tell its value", name);
	upstream->has_set = true;
	if (await_reset(upstream, name, has_other_role(upstream), deadline_after(limit)))
		return true;
	if (!pipeline_is_idle(&upstream->pipeline))
		return failure_set(why, session_end_reason(session, FAILURE_SERVER_GONE));
	upstream->server->close_needed = true;
	return true;
}

/* All at once; if the server refuses that, each by itself: what it refuses of one is not to be the others' loss. */
static bool await_each_known(struct session *session, const struct parameters *names,
			     struct failure *why)
{
	size_t count = parameters_count(names);
	size_t rows = 0;

	if (!await_asked(session, names, 0, count, &rows, why))
		return false;
	bool is_role_told = rows > 0;
	for (size_t i = 0; rows < 1 + count && i < count; i++) {
		size_t own_rows = 0;
		if (!await_asked(session, names, i, i + 1, &own_rows, why) ||
		    (own_rows < 2 && !await_untold(session, parameters_name(names, i), why)))
			return false;
		is_role_told |= own_rows > 0;
	}
	return is_role_told || parameters_get(session->upstream->touched, ROLE) == NULL ||
	       await_untold(session, ROLE, why);
}

/* What was parsed meanwhile may be read otherwise than before, whatever has come of it. */
static void note_literals(struct upstream *upstream, const struct parameters *names)
{
	bool shape = parameters_get(upstream->touched, ROLE) != NULL;

	for (size_t i = 0; !shape && i < parameters_count(names); i++)
		shape = parameter_shapes_literals(parameters_name(names, i));
	if (shape)
		prepared_note_literals_since(upstream, upstream->set_in);
}

/* By quote_all_identifiers the names in a list are told otherwise. */
static bool is_lone_set(const struct session *session)
{
	const struct upstream *upstream = session->upstream;
	const struct lone_set *lone = &upstream->lone_set;
	char name[SQL_PARAMETER_BYTES];

	return lone_set_is_all(lone) && !upstream->has_set &&
	       parameters_count(upstream->touched) == 1 &&
	       sql_is_plain_set(lone->text, lone->length, name) &&
	       strcasecmp(parameters_name(upstream->touched, 0), name) == 0 &&
	       parameters_get(session->wishes, "quote_all_identifiers") == NULL;
}

/* What a server has told before of the same text; or NULL, and then it is noted what it tells. */
static const char *recall(const struct session *session)
{
	struct lone_set *lone = &session->upstream->lone_set;
	const char *value = NULL;

	lone->is_asked_for = is_lone_set(session);
	if (lone->is_asked_for)
		value = set_cache_find(session->worker->set_cache, session->pool->id, lone->text,
				       lone->length);
	lone->is_asked_for &= value == NULL;
	return value;
}

bool await_unreported_known(struct session *session, struct failure *why)
{
	struct upstream *upstream = session->upstream;
	uint64_t pool = session->pool->id;
	bool were_proven = parameters_are_proven(session->wishes, pool);
	struct parameters *names = suspects(upstream);

	if (names == NULL)
		return failure_set(why, FAILURE_NO_MEMORY);
	note_literals(upstream, names);
	const char *value = recall(session);
	upstream->has_set = false;
	bool known = value == NULL ? await_each_known(session, names, why) :
				     note_known(session, parameters_name(names, 0), value, NULL) ||
					     failure_set(why, FAILURE_NO_MEMORY);
	parameters_drop(names);
	if (!known)
		return false;
	forget_touched(upstream);
	if (were_proven)
		parameters_prove(session->wishes, pool);
	return true;
}

/* --- when its client has left ------------------------------------------------------------- */

const char *await_unreported_undone(struct upstream *upstream, int64_t deadline)
{
	struct server *server = upstream->server;
	size_t count = parameters_count(upstream->touched);
	bool good = !upstream->holds_settings;
	bool other_role = has_other_role(upstream);

	for (size_t i = 0; good && i < count; i++)
		good = await_reset(upstream, parameters_name(upstream->touched, i), other_role,
				   deadline);
	if (!good)
		return "its client has set what can not be taken back";
	if (count > 0 || (upstream->has_set && parameters_count(server->unreported) > 0)) {
		parameters_assign(&server->applied, NULL);
		/* What was parsed meanwhile may have names that mean something else now. */
		upstream->statements.must_deallocate = true;
	}
	upstream->has_set = false;
	forget_touched(upstream);
	return parameters_count(server->unreported) > MOST_TAKEN_BACK ?
		       "its clients have set too many parameters" :
		       NULL;
}
