/*
 * Prepared statements of SQL: PREPARE, EXECUTE, DEALLOCATE, DISCARD ALL.
 *
 * Their texts pass as they are, so on the server these statements have the names that the client
 * gives them. Before such a text goes out, what the server has under the name is made to be what the
 * client has, whether that came from a PREPARE or from a Parse; what another client left is closed.
 * The tag of the reply tells what has happened (prepared_tag.c).
 */
#include "daemon/relay/prepared_parts.h"

#include <string.h>

#include "daemon/relay/ties.h"
#include "daemon/relay/unreported.h"

/* A statement and portal that exist only while a command is run by us. */
#define COMMAND_NAME STATEMENT_PREFIX "command"

/* --- room --------------------------------------------------------------------------------- */

static bool close_name(struct prepared *prepared, const char *at, struct sql_name *sql_name)
{
	write_close(prepared_write_up_to(prepared, at), sql_name->name, sql_name->length);
	if (!prepared_push(prepared, PIPELINE_OWN_CLOSE))
		return false;
	sql_name_remove(&server_of(prepared)->sql_names, sql_name);
	return true;
}

bool prepared_evict_sql_names(struct prepared *prepared, const char *at, size_t most)
{
	const struct sql_names *sql_names = &server_of(prepared)->sql_names;

	while (sql_names->table.count > most)
		if (!close_name(prepared, at, sql_names->by_age.oldest))
			return false;
	return true;
}

/* --- making them equal -------------------------------------------------------------------- */

/* Of a Parse, and about another statement: what would it find, and leave, if SQL executed it? */
static bool hides_another(const struct statement *statement)
{
	return !statement->key.is_command && statement->sql.effect != SQL_NONE;
}

/* NULL: the client has nothing of that name, or nothing that SQL may execute. */
static struct name *find_named(const struct prepared *prepared, const char *name, size_t length,
			       enum sql_effect effect)
{
	struct name *found = prepared_find_name(prepared, name, length);

	if (found == NULL || found->statement == NULL)
		return NULL;
	return effect == SQL_EXECUTE && hides_another(found->statement) ? NULL : found;
}

static bool push_about(struct prepared *prepared, unsigned char letter, struct sql_name *sql_name,
		       bool quiet)
{
	struct note note = {.kind = NOTE_SQL_NAME, .sql_name = sql_name, .quiet = quiet};
	return prepared_push_noted(prepared, letter, &note);
}

/* Runs the client's PREPARE, by the extended protocol, so that it is a part of its segment. */
static bool run_command(struct prepared *prepared, const char *at, struct sql_name *sql_name,
			bool quiet)
{
	static const char bind[] = COMMAND_NAME "\0" COMMAND_NAME "\0\0\0\0\0\0";
	static const char execute[] = COMMAND_NAME "\0\0\0\0";
	static const char close_portal[] = "P" COMMAND_NAME;
	struct writer *out = prepared_write_up_to(prepared, at);

	write_close(out, COMMAND_NAME, strlen(COMMAND_NAME));
	statement_write_parse(out, COMMAND_NAME, strlen(COMMAND_NAME), sql_name->statement->body,
			      sql_name->statement->key.length);
	message_begin(out, FRONTEND_BIND);
	write_bytes(out, bind, sizeof bind);
	message_end(out);
	message_begin(out, FRONTEND_EXECUTE);
	write_bytes(out, execute, sizeof execute);
	message_end(out);
	message_begin(out, FRONTEND_CLOSE);
	write_bytes(out, close_portal, sizeof close_portal);
	message_end(out);
	write_close(out, COMMAND_NAME, strlen(COMMAND_NAME));
	return prepared_push(prepared, PIPELINE_OWN_CLOSE) &&
	       push_about(prepared, PIPELINE_OWN_PARSE, sql_name, quiet) &&
	       push_about(prepared, PIPELINE_OWN_BIND, sql_name, quiet) &&
	       push_about(prepared, PIPELINE_OWN_EXECUTE, sql_name, quiet) &&
	       prepared_push(prepared, PIPELINE_OWN_CLOSE) &&
	       prepared_push(prepared, PIPELINE_OWN_CLOSE);
}

static bool make(struct prepared *prepared, const char *at, struct sql_name *sql_name, bool quiet)
{
	prepared_date_sql_name(prepared->upstream, sql_name);
	if (sql_name->statement->key.is_command)
		return run_command(prepared, at, sql_name, quiet);
	statement_write_parse(prepared_write_up_to(prepared, at), sql_name->name, sql_name->length,
			      sql_name->statement->body, sql_name->statement->key.length);
	prepared_count(prepared, &prepared->session->share->stats.server_parse_count);
	return push_about(prepared, PIPELINE_OWN_PARSE, sql_name, quiet);
}

/* One that need only be there, to be deallocated. */
static bool make_dummy(struct prepared *prepared, const char *at, struct sql_name *sql_name)
{
	statement_write_parse(prepared_write_up_to(prepared, at), sql_name->name, sql_name->length,
			      "\0\0", 3);
	sql_name_set(sql_name, NULL);
	sql_name->going = server_of(prepared)->reading;
	return prepared_push(prepared, PIPELINE_OWN_PARSE);
}

/* Whether the server has under that name what the client has, and as new, for what it is wanted for. */
static bool is_equal(const struct prepared *prepared, const char *name, size_t length,
		     enum sql_effect effect)
{
	const struct sql_name *sql_name =
		sql_name_find(&server_of(prepared)->sql_names, name, length);
	const struct name *named = find_named(prepared, name, length, effect);

	if (sql_name == NULL || named == NULL)
		return sql_name == NULL && named == NULL;
	return sql_name->statement == named->statement &&
	       !prepared_is_outdated(prepared->upstream, sql_name->alterations, sql_name->creator,
				     named);
}

/* Whether the text that is read has deallocated it before: what follows is not about what was there. */
static bool is_going(const struct prepared *prepared, const char *name, size_t length)
{
	const struct sql_name *sql_name =
		sql_name_find(&server_of(prepared)->sql_names, name, length);
	return sql_name != NULL && sql_name->going == server_of(prepared)->reading;
}

/*
 * In front of a Query what we do ends with a Sync of its own, so that a failure does not skip the Query, whose
 * error then is the one we had; but what the client has executed without a Sync is not to be committed.
 */
static bool stands_apart(const struct prepared *prepared, bool for_query)
{
	return for_query && !(prepared->upstream->pipeline.unsynced && server_of(prepared)->has_executed);
}

/* Makes it equal. `effect` says what the name is wanted for. */
static bool equalise(struct prepared *prepared, const char *at, const char *name, size_t length,
		     enum sql_effect effect, bool for_query)
{
	struct server_statements *server = server_of(prepared);
	struct name *named = find_named(prepared, name, length, effect);

	/* What is unknown may be there all the same: a client that is pinned has prepared it out of our sight. */
	if (effect == SQL_EXECUTE && (named == NULL || named->statement->is_about_locks))
		ties_note_locks(prepared->upstream);
	if (named != NULL && effect == SQL_EXECUTE)
		unreported_note_statement(prepared->upstream, named->statement);
	if (is_equal(prepared, name, length, effect))
		return true;
	bool apart = stands_apart(prepared, for_query);
	struct sql_name *sql_name = sql_name_make(&server->sql_names, name, length);
	if (sql_name == NULL)
		return false;
	write_close(prepared_write_up_to(prepared, at), name, length);
	bool good = prepared_push(prepared, PIPELINE_OWN_CLOSE);
	sql_name_set(sql_name, NULL);
	if (named == NULL) {
		sql_name_remove(&server->sql_names, sql_name);
	} else if (effect == SQL_DEALLOCATE) {
		good = good && make_dummy(prepared, at, sql_name);
	} else if (apart || !for_query) {
		sql_name_set(sql_name, prepared_reread(prepared, named));
		good = good && sql_name->statement != NULL && make(prepared, at, sql_name, apart);
	}
	return good && (!apart || prepared_end_apart(prepared, at));
}

/* A name that we cannot read may be that of what another client has left: all of it goes. */
static bool clear_names(struct prepared *prepared, const char *at, bool for_query)
{
	bool apart = stands_apart(prepared, for_query);

	ties_note_locks(prepared->upstream); /* nor is it known what it does */
	return server_of(prepared)->sql_names.table.count == 0 ||
	       (prepared_evict_sql_names(prepared, at, 0) &&
		(!apart || prepared_end_apart(prepared, at)));
}

static bool is_open(const struct prepared *prepared)
{
	return pipeline_owes_more(&prepared->upstream->pipeline);
}

/* In the extended protocol: once nothing is open. */
static enum passage require_equal(struct prepared *prepared, const char *at, const char *name,
				  size_t length, enum sql_effect effect)
{
	if (!is_equal(prepared, name, length, effect) && is_open(prepared))
		return prepared_wait(prepared);
	return taken_if(equalise(prepared, at, name, length, effect, false));
}

enum passage prepared_require_sql_name(struct prepared *prepared, const char *at, const char *name,
				       size_t length)
{
	return require_equal(prepared, at, name, length, SQL_EXECUTE);
}

static enum passage require_name(struct prepared *prepared, const char *at, const struct sql *sql)
{
	char name[SQL_NAME_BYTES + 1];

	if (sql->name == NULL)
		return PASSAGE_TAKEN;
	size_t length = sql_name(sql, name);
	if (length > 0)
		return require_equal(prepared, at, name, length, sql->effect);
	if (server_of(prepared)->sql_names.table.count > 0 && is_open(prepared))
		return prepared_wait(prepared);
	return taken_if(clear_names(prepared, at, false));
}

/* --- effects ------------------------------------------------------------------------------ */

bool prepared_is_reserved(const struct sql *sql)
{
	char name[SQL_NAME_BYTES + 1];

	return sql->name != NULL && sql_name(sql, name) > 0 &&
	       strncmp(name, STATEMENT_PREFIX, strlen(STATEMENT_PREFIX)) == 0;
}

static void drop_unnamed_by_query(struct prepared *prepared)
{
	server_of(prepared)->unnamed_session = 0;
	if (prepared->session->statements != NULL)
		prepared->session->statements->unnamed_serial = 0;
}

/* What a Query does, as far as it can be foreseen. */
struct foreseen {
	size_t count;
	struct sql effect; /* of the last that has one */
	bool reserved;
	bool unreadable; /* one has a name that we cannot read */
};

/* Reads a text in one way. */
static void foresee(const char *text, size_t length, enum sql_quotes quotes,
		    struct foreseen *foreseen)
{
	const char *end = text + length;
	char name[SQL_NAME_BYTES + 1];
	struct sql sql;

	while (sql_next(&text, end, quotes, &sql)) {
		foreseen->count++;
		if (sql.effect == SQL_NONE)
			continue;
		foreseen->effect = sql;
		foreseen->reserved |= prepared_is_reserved(&sql);
		foreseen->unreadable |= sql.name != NULL && sql_name(&sql, name) == 0;
	}
}

/* Reads it in all ways. */
static struct foreseen foresee_all(const char *text, size_t length)
{
	const enum sql_quotes ways = sql_readings(text, length);
	struct foreseen foreseen = {0};

	for (enum sql_quotes quotes = 0; quotes < ways; quotes++)
		foresee(text, length, quotes, &foreseen);
	return foreseen;
}

/* --- Query -------------------------------------------------------------------------------- */

/* What the server has under a name for which the client has something else, or nothing; or NULL. */
static struct sql_name *find_stranger(const struct prepared *prepared, struct sql_name *from)
{
	while (from != NULL && is_equal(prepared, from->name, from->length, SQL_EXECUTE))
		from = from->aged.newer;
	return from;
}

/* What is not seen of a text may use any name. */
static bool close_strangers(struct prepared *prepared, const char *at)
{
	struct sql_name *stranger =
		find_stranger(prepared, server_of(prepared)->sql_names.by_age.oldest);
	bool ends_apart = stranger != NULL && stands_apart(prepared, true);

	while (stranger != NULL) {
		struct sql_name *newer = stranger->aged.newer;
		if (!close_name(prepared, at, stranger))
			return false;
		stranger = find_stranger(prepared, newer);
	}
	return !ends_apart || prepared_end_apart(prepared, at);
}

/* Makes equal whatever a text, read in one way, names. */
static bool equalise_all(struct prepared *prepared, const struct message *message,
			 const char *text, size_t length, enum sql_quotes quotes)
{
	const char *end = text + length;
	char name[SQL_NAME_BYTES + 1];
	struct sql sql;

	server_of(prepared)->reading++;
	while (sql_next(&text, end, quotes, &sql)) {
		size_t name_length = sql.name == NULL ? 0 : sql_name(&sql, name);
		if (name_length > 0 && !is_going(prepared, name, name_length) &&
		    !equalise(prepared, message->start, name, name_length, sql.effect, true))
			return false;
	}
	return true;
}

/*
 * Clears the way for a text, in one go: when the outcome of the first name's part was waited for, it
 * might have to be done again, and so for ever. What is cleared goes before notes point to it.
 */
static bool clear_way(struct prepared *prepared, const struct message *message, const char *text,
		      size_t length, const struct foreseen *foreseen)
{
	const enum sql_quotes ways = sql_readings(text, length);

	if (foreseen->unreadable && !clear_names(prepared, message->start, true))
		return false;
	for (enum sql_quotes quotes = 0; quotes < ways; quotes++)
		if (!equalise_all(prepared, message, text, length, quotes))
			return false;
	return true;
}

/* A Query of one or more statements, of which one at least is about prepared ones. */
static enum passage query_with_effects(struct prepared *prepared, const struct message *message,
				       const char *text, size_t length)
{
	const struct client_statements *client = prepared_client(prepared);
	const bool in_pieces = !message_is_whole(message);

	if (client == NULL)
		return PASSAGE_FAILED;
	if (is_open(prepared))
		return prepared_wait(prepared);
	const struct foreseen foreseen = foresee_all(text, length);
	const struct sql effect = foreseen.effect;
	if (foreseen.reserved && !in_pieces)
		return prepared_refuse(prepared, message, FAILURE_RESERVED_NAME);
	if (effect.effect == SQL_PREPARE && client->names.count >= prepared->max_names && !in_pieces)
		return prepared_refuse(prepared, message, FAILURE_TOO_MANY_STATEMENTS);
	if ((in_pieces && !close_strangers(prepared, message->start)) ||
	    !clear_way(prepared, message, text, length, &foreseen))
		return PASSAGE_FAILED;
	drop_unnamed_by_query(prepared);
	if (effect.effect == SQL_NONE)
		return taken_if(prepared_push(prepared, FRONTEND_QUERY));
	if (foreseen.count > sql_readings(text, length) || in_pieces)
		return taken_if(prepared_push_effects(prepared, text, length));
	return taken_if(prepared_push_effect(prepared, FRONTEND_QUERY, &effect, text, length));
}

/* A name can only be that of something that the client has, or that somebody has left here, or one of ours. */
static bool may_hold_names(const struct prepared *prepared, const char *text, size_t length)
{
	if (prepared_has_names(prepared))
		return memchr(text, ';', length) != NULL;
	return server_of(prepared)->held.table.count > 0 && memchr(text, ';', length) != NULL &&
	       prepared_mentions_ours(text, length);
}

static bool has_effects(const struct prepared *prepared, const char *text, size_t length)
{
	struct sql sql;

	if (sql_may_begin(text, length)) {
		sql_look(&sql, text, length);
		if (sql.effect != SQL_NONE)
			return true;
	}
	if (!may_hold_names(prepared, text, length))
		return false;
	const enum sql_quotes ways = sql_readings(text, length);
	for (enum sql_quotes quotes = 0; quotes < ways; quotes++) {
		const char *at = text;
		while (sql_next(&at, text + length, quotes, &sql))
			if (sql.effect != SQL_NONE)
				return true;
	}
	return false;
}

enum passage prepared_request_query(struct prepared *prepared, const struct message *message)
{
	const char *text = message->body;
	size_t length = prepared_readable_length(message);
	bool has_strangers =
		!message_is_whole(message) &&
		find_stranger(prepared, server_of(prepared)->sql_names.by_age.oldest) != NULL;

	server_of(prepared)->query_segment = server_of(prepared)->segment;
	if (has_strangers || has_effects(prepared, text, length))
		return query_with_effects(prepared, message, text, length);
	return prepared_drop_unnamed(prepared, FRONTEND_QUERY);
}

/* --- in the extended protocol ------------------------------------------------------------- */

enum passage prepared_require_sql(struct prepared *prepared, const char *at, const struct sql *sql)
{
	return sql->effect == SQL_EXECUTE ? require_name(prepared, at, sql) : PASSAGE_TAKEN;
}

bool prepared_note_portal(struct prepared *prepared, const struct reference *portal,
			  const struct sql *sql, const char *text)
{
	struct portals *portals = &prepared->session->statements->portals;

	if (sql->effect != SQL_NONE && sql->effect != SQL_EXECUTE)
		return portals_set(portals, portal->name, portal->length, text, sql->length);
	portals_remove(portals, portal->name, portal->length);
	return true;
}

static const struct portal *find_portal(const struct prepared *prepared,
					const struct message *message)
{
	const struct client_statements *client = prepared->session->statements;
	struct reference name;

	return client != NULL && client->portals.newest != NULL &&
			       reference_find(message, message->body, &name)
		       ? portals_find(&client->portals, name.name, name.length)
		       : NULL;
}

enum passage prepared_request_execute(struct prepared *prepared, const struct message *message)
{
	const struct portal *portal = find_portal(prepared, message);
	struct sql sql;

	server_of(prepared)->has_executed = true;
	if (portal == NULL)
		return taken_if(prepared_push(prepared, FRONTEND_EXECUTE));
	if (is_open(prepared))
		return prepared_wait(prepared);
	sql_look(&sql, portal->text, portal->text_length);
	enum passage passage = require_name(prepared, message->start, &sql);
	if (passage == PASSAGE_TAKEN)
		passage = taken_if(prepared_push_effect(prepared, FRONTEND_EXECUTE, &sql,
							portal->text, portal->text_length));
	portals_remove(&prepared->session->statements->portals, portal->name, portal->length);
	return passage;
}
