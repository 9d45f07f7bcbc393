#include "daemon/login/auth_query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/borrow.h"
#include "daemon/daemon.h"
#include "daemon/recover.h"
#include "daemon/relay/upstream.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/anew.h"
#include "pool/pools.h"
#include "protocol/message.h"
#include "protocol/writer.h"

/* No answer about one user is longer. */
#define ANSWER_BYTES ((size_t)256 * 1024)

/*
 * What the default query is sent as: the same, but whatever the database has set for search_path, it
 * means the system's own catalog.
 */
static const char default_query[] =
	"SELECT rolname, CASE WHEN rolvaliduntil OPERATOR(pg_catalog.<) pg_catalog.now() "
	"THEN NULL ELSE rolpassword END FROM pg_catalog.pg_authid "
	"WHERE rolname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND rolcanlogin";

struct auth_source auth_source_find(const struct settings *settings,
				    const struct database *database, const char *name)
{
	const char *user = settings->auth_user;
	const char *query = settings->auth_query;
	const char *database_name = settings->auth_dbname;

	if (database != NULL && database->auth_user != NULL)
		user = database->auth_user;
	if (database != NULL && database->auth_query != NULL)
		query = database->auth_query;
	if (database != NULL && database->auth_dbname != NULL)
		database_name = database->auth_dbname;
	if (user[0] == '\0' || query[0] == '\0')
		return (struct auth_source){0};
	return (struct auth_source){
		.user = user,
		.query = strcmp(query, AUTH_QUERY_DEFAULT) == 0 ? default_query : query,
		.database_name = database_name[0] != '\0' ? database_name : name,
	};
}

/* --- asking ------------------------------------------------------------------------------- */

/* Extended, so that the name is a value and never a part of the query. */
static bool send_query(struct upstream *upstream, const char *query, const char *user)
{
	static const char letters[] = {FRONTEND_PARSE, FRONTEND_BIND, FRONTEND_EXECUTE,
				       FRONTEND_SYNC};
	struct writer writer;

	writer_init(&writer);
	message_begin(&writer, FRONTEND_PARSE);
	write_text(&writer, "");
	write_text(&writer, query);
	write_uint16(&writer, 0);
	message_end(&writer);
	message_begin(&writer, FRONTEND_BIND);
	write_text(&writer, "");
	write_text(&writer, "");
	write_uint16(&writer, 0);
	write_uint16(&writer, 1);
	write_uint32(&writer, (uint32_t)strlen(user));
	write_bytes(&writer, user, strlen(user));
	write_uint16(&writer, 0);
	message_end(&writer);
	message_begin(&writer, FRONTEND_EXECUTE);
	write_text(&writer, "");
	write_uint32(&writer, 0);
	message_end(&writer);
	write_empty(&writer, FRONTEND_SYNC);
	bool sent = !writer.failed;
	for (size_t i = 0; sent && i < sizeof letters; i++)
		sent = pipeline_request(&upstream->pipeline, (unsigned char)letters[i]);
	sent = sent && stream_send(&upstream->stream, writer.data, writer.length);
	writer_release(&writer);
	return sent;
}

/* --- understanding ------------------------------------------------------------------------ */

static bool refuse(struct session *session, struct failure *why, const char *reason)
{
	session_log(session, LEVEL_WARNING, "auth_query failed: %s", reason);
	return failure_set(why, FAILURE_CONFIG);
}

/* A value of a row, as a text of its own; NULL for NULL. False: it does not fit into the row. */
static bool take_value(const char **cursor, const char *end, char **value)
{
	const char *text;
	size_t length;

	*value = NULL;
	if (!row_next(cursor, end, &text, &length))
		return false;
	if (text != NULL)
		*value = strndup(text, length);
	return text == NULL || *value != NULL;
}

/* Without a name it is nobody's, and so is the secret in it. Otherwise it takes the place of those before. */
static bool take_row(struct session *session, const struct message *message,
		     struct user_record *record, struct failure *why)
{
	const char *cursor = message->body + 2;
	const char *end = message->body + message->body_length;
	struct user_record row = {0};
	char *name = NULL;

	if (message->body_length < 2 || read_uint16(message->body) != 2)
		return refuse(session, why, "it must return exactly 2 columns, user and secret");
	bool taken = take_value(&cursor, end, &name) && take_value(&cursor, end, &row.secret);
	row.is_known = taken && name != NULL && name[0] != '\0';
	free(name);
	user_record_release(row.is_known ? record : &row);
	if (row.is_known)
		*record = row;
	return taken || failure_set(why, FAILURE_SERVER_PROTOCOL);
}

static bool is_about_encoding(const struct failure *server)
{
	return strcmp(server->sqlstate, "22021") == 0 || strcmp(server->sqlstate, "22P05") == 0;
}

/* Of several rows that name a user the last one counts, as with PgBouncer. */
static bool understand(struct session *session, const struct writer *replies,
		       struct user_record *record, struct failure *why)
{
	const char *at = replies->data;
	const char *end = at + replies->length;
	struct message message;
	struct failure server;

	while (message_look(at, (size_t)(end - at), &message) && message_is_whole(&message)) {
		if (message.letter == BACKEND_ERROR) {
			failure_from_server(&server, FAILURE_SERVER_REFUSED, message.body,
					    message.body_length);
			/* A name that is no text in the database's encoding is nobody's. */
			return is_about_encoding(&server) || refuse(session, why, server.message);
		}
		if (message.letter == BACKEND_DATA_ROW && !take_row(session, &message, record, why))
			return false;
		at += message.present;
	}
	return true;
}

/* --- the way there ------------------------------------------------------------------------ */

static bool join_pool(struct session *session, const struct settings *settings,
		      const struct auth_source *source, struct failure *why)
{
	const char *name = source->database_name;
	const struct database *database = settings_find_database(settings, name);

	if (settings_is_console(name))
		session_log(session, LEVEL_ERROR,
			    "cannot use the reserved \"%.80s\" database as an auth_dbname", name);
	else if (database == NULL)
		session_log(session, LEVEL_ERROR,
			    "authentication database \"%.80s\" is not configured", name);
	if (database == NULL)
		return failure_set(why, FAILURE_CONFIG);
	if (strcmp(name, session->database_name) != 0 &&
	    quota_is_disabled(&session->worker->daemon->quotas, name))
		return failure_set(why, FAILURE_AUTH_DISABLED, name);
	session->pool = pools_join_private(session->worker->pools, name, source->user);
	if (session->pool == NULL)
		return failure_set(why, FAILURE_NO_MEMORY);
	session->share = &session->pool->shares[session->worker->index];
	return true;
}

/* The client would take it for its own, of which nothing is wrong. Who auth_user is, it is not told. */
static bool is_about_auth_user(struct failure *why)
{
	struct failure cause = *why;

	return failure_detail(why, "For auth_user, by whom users are looked up: %s", cause.detail);
}

static bool await_record(struct session *session, const struct auth_source *source,
			 struct user_record *record, struct failure *why, int64_t deadline)
{
	struct writer replies;
	enum failure_kind late;
	int64_t limit = borrow_deadline_in_login(session, deadline, &late);

	if (!await_borrow(session, late, why, limit))
		return why->kind == FAILURE_SERVER_LOGIN && is_about_auth_user(why);
	writer_init(&replies);
	bool done = send_query(session->upstream, source->query, session->user_name) &&
		    upstream_collect(session->upstream, &replies, ANSWER_BYTES, deadline);
	if (!done)
		failure_set(why,
			    session_end_reason(session, errno == ETIMEDOUT ?
								FAILURE_LOGIN_TIMEOUT_SERVER_DOWN :
								FAILURE_SERVER_GONE));
	else
		done = understand(session, &replies, record, why);
	writer_wipe(&replies);
	await_give_back(session->upstream, NULL, false);
	/* Whatever the query has reported, it was not this client's doing. */
	parameters_assign(&session->wishes, parameters_empty(session->worker->pools->parameters));
	return done;
}

static bool await_asked(struct session *session, const struct settings *settings,
			const struct auth_source *source, struct user_record *record,
			struct failure *why, int64_t deadline)
{
	if (!join_pool(session, settings, source, why))
		return false;
	bool done = await_record(session, source, record, why, deadline);
	pool_client_leaves(session->pool);
	session->pool = NULL;
	session->share = NULL;
	return done;
}

/* Whether others that wait for the same answer would fail for the same reason. */
static bool is_of_the_server(const struct failure *why)
{
	return why->kind == FAILURE_CONFIG || why->kind == FAILURE_AUTH_DISABLED ||
	       why->kind == FAILURE_SERVER_REFUSED || why->kind == FAILURE_CACHED_REFUSAL ||
	       why->kind == FAILURE_SERVER_LOGIN;
}

char *auth_source_key(const struct auth_source *source)
{
	char *key;

	return asprintf(&key, "%s\n%s\n%s", source->database_name, source->user, source->query) < 0 ?
		       NULL :
		       key;
}

int64_t auth_query_fresh_since(const struct settings *settings)
{
	int64_t cached = settings->auth_query_cache_us;

	return cached > 0 ? loop_now() - cached : 0;
}

static bool await_answer(struct session *session, const struct settings *settings,
			 const struct auth_source *source, const char *key,
			 struct user_record *record, struct failure *why, int64_t deadline)
{
	struct auth_cache *cache = session->worker->auth_cache;

	switch (await_auth_turn(cache, &session->worker->loop, key, session->user_name,
				auth_query_fresh_since(settings), record, why, deadline)) {
	case AUTH_TURN_ANSWERED:
		return true;
	case AUTH_TURN_FAILED:
		if (session->killed != FAILURE_NONE)
			failure_set(why, session->killed);
		return false;
	case AUTH_TURN_YOURS:
		break;
	}
	bool done = await_asked(session, settings, source, record, why, deadline);
	if (!done)
		auth_cache_fail(cache, key, session->user_name, is_of_the_server(why) ? why : NULL);
	else if (auth_cache_answer(cache, key, session->user_name, record))
		pools_know_more(session->worker->pools, session->user_name, loop_now());
	return done;
}

bool await_auth_query(struct session *session, const struct settings *settings,
		      const struct auth_source *source, struct user_record *record,
		      struct failure *why, int64_t deadline)
{
	char *key = auth_source_key(source);

	if (key == NULL)
		return failure_set(why, FAILURE_NO_MEMORY);
	bool done = await_answer(session, settings, source, key, record, why, deadline);
	free(key);
	return done;
}
