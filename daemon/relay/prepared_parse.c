/* Prepared statements: Parse. */
#include "daemon/relay/prepared_parts.h"

#include <stdlib.h>
#include <string.h>

static bool note_literals(const struct prepared *prepared, struct client_statements *client)
{
	struct parameters *start = prepared->session->start;
	struct parameters *wishes = prepared->session->wishes;

	if (client->start == start && client->wishes == wishes)
		return true;
	struct parameters *literals = parameters_for_literals(start, wishes);
	if (literals == NULL)
		return false;
	parameters_drop(client->literals);
	client->literals = literals;
	parameters_assign(&client->start, start);
	parameters_assign(&client->wishes, wishes);
	return true;
}

struct statement *prepared_intern(const struct prepared *prepared, const char *body, size_t length,
				  bool is_command)
{
	struct client_statements *client = prepared->session->statements;
	struct statement_key key = {.body = body, .length = length, .is_command = is_command};

	if (!note_literals(prepared, client))
		return NULL;
	key.literals = client->literals;
	return statement_intern(prepared->session->worker->pools->statements, &key,
				HELD_BY_CLIENT);
}

struct statement *prepared_reread(const struct prepared *prepared, struct name *name)
{
	struct client_statements *client = prepared->session->statements;
	const struct statement_key *key = &name->statement->key;

	if (!note_literals(prepared, client))
		return NULL;
	if (key->literals == client->literals)
		return name->statement;
	struct statement *other = prepared_intern(prepared, key->body, key->length, key->is_command);
	if (other != NULL)
		statement_drop(names_set(&client->names, name, other), HELD_BY_CLIENT);
	return other;
}

void prepared_define(struct prepared *prepared, struct name *name, struct statement *statement,
		     struct note *note)
{
	struct client_statements *client = prepared->session->statements;

	*note = (struct note){.kind = NOTE_DEFINE, .name = name};
	note->before = names_set(&client->names, name, statement);
	name->alterations = prepared_alterations(prepared->upstream->server->pool);
	name->pending++;
	name->segment = server_of(prepared)->segment;
}

/*
 * The name is in use, which the server is to say, in its own order of complaints: so the Parse gets
 * a name that is in use there.
 */
static enum passage parse_taken_name(struct prepared *prepared, const struct message *message,
				     const struct reference *name)
{
	struct writer *out = prepared_write_up_to(prepared, message->start);

	write_close(out, TAKEN_NAME, strlen(TAKEN_NAME));
	statement_write_parse(out, TAKEN_NAME, strlen(TAKEN_NAME), "\0\0", 3);
	prepared_write_renamed(prepared, message, name, TAKEN_NAME, strlen(TAKEN_NAME));
	server_of(prepared)->has_taken = true;
	if (!prepared_push(prepared, PIPELINE_OWN_CLOSE) || !prepared_push(prepared, PIPELINE_OWN_PARSE))
		return PASSAGE_FAILED;
	struct note note = {.kind = NOTE_MISNAMED, .text = notes_copy_name(name->name, name->length)};
	return taken_if(note.text != NULL && prepared_push_noted(prepared, FRONTEND_PARSE, &note));
}

enum passage prepared_refuse(struct prepared *prepared, const struct message *message,
			     enum failure_kind why)
{
	struct note note = {.kind = NOTE_REFUSED, .failure = malloc(sizeof(struct failure))};
	struct writer *out = prepared_write_up_to(prepared, message->start);
	bool is_query = message->letter == FRONTEND_QUERY;

	if (note.failure == NULL)
		return PASSAGE_FAILED;
	failure_set(note.failure, why);
	if (is_query)
		write_query(out, "DEALLOCATE " UNKNOWN_NAME);
	else
		write_describe(out, UNKNOWN_NAME);
	prepared_leave_out(prepared, message);
	return taken_if(prepared_push_noted(prepared, is_query ? FRONTEND_QUERY : FRONTEND_DESCRIBE,
					    &note));
}

/*
 * The server holds the statement already. Inside a failed transaction it would refuse to parse all
 * the same; so where that may be, it is asked to, as the unnamed statement.
 */
static enum passage parse_again(struct prepared *prepared, const struct message *message,
				const struct reference *name, const struct note *note)
{
	if (server_of(prepared)->certain && note->name->statement->sql.effect != SQL_EXECUTE) {
		prepared_leave_out(prepared, message);
		return taken_if(prepared_push_noted(prepared, PIPELINE_LOCAL_PARSE, note));
	}
	prepared_write_renamed(prepared, message, name, "", 0);
	server_of(prepared)->unnamed_session = 0;
	prepared_count(prepared, &prepared->session->share->stats.server_parse_count);
	return taken_if(prepared_push_noted(prepared, FRONTEND_PARSE, note));
}

static enum passage parse_statement(struct prepared *prepared, const struct message *message,
				    const struct reference *reference, struct name *name,
				    struct statement *statement)
{
	struct held_set *set = &server_of(prepared)->held;
	struct held *held = held_find(set, statement->id);
	struct note note;

	prepared_define(prepared, name, statement, &note);
	if (held != NULL) {
		held_touch(set, held);
		/* Whoever prepares something now is told of nothing older. */
		if (!held->pending &&
		    held->alterations != prepared_alterations(prepared->upstream->server->pool))
			held->stale = true;
		if (held->pending || !held->stale)
			return parse_again(prepared, message, reference, &note);
	} else {
		held = prepared_add_held(prepared, message->start, statement);
	}
	if (held == NULL ||
	    !prepared_parse_held(prepared, message->start, held, FRONTEND_PARSE, &note))
		return PASSAGE_FAILED;
	prepared_leave_out(prepared, message);
	return PASSAGE_TAKEN;
}

/* A Query in front, which is not answered yet, may change what literals mean. */
static bool follows_query(const struct prepared *prepared)
{
	const struct server_statements *server = server_of(prepared);

	return pipeline_owes_more(&prepared->upstream->pipeline) &&
	       server->query_segment != server->segment &&
	       (int32_t)(server->query_segment - server->rest_segment) >= 0;
}

static enum passage parse_named(struct prepared *prepared, const struct message *message,
				const struct reference *reference, size_t body_length)
{
	struct client_statements *client = prepared_client(prepared);

	if (follows_query(prepared))
		return prepared_wait(prepared);
	struct name *name =
		client == NULL ? NULL
			       : names_make(&client->names, reference->name, reference->length);
	if (name == NULL)
		return PASSAGE_FAILED;
	if (prepared_is_open(prepared, name->pending > 0, name->segment))
		return prepared_wait(prepared);
	if (name->statement != NULL)
		return parse_taken_name(prepared, message, reference);
	if (client->names.count >= prepared->max_names) {
		names_tidy(&client->names, name);
		return prepared_refuse(prepared, message, FAILURE_TOO_MANY_STATEMENTS);
	}
	struct statement *statement =
		prepared_intern(prepared, reference->rest, body_length, false);
	if (statement == NULL)
		return PASSAGE_FAILED;
	const struct held *held = held_find(&server_of(prepared)->held, statement->id);
	if (held != NULL && prepared_is_open(prepared, held->pending, held->segment)) {
		statement_drop(statement, HELD_BY_CLIENT);
		names_tidy(&client->names, name);
		return prepared_wait(prepared);
	}
	return parse_statement(prepared, message, reference, name, statement);
}

enum passage prepared_request_parse(struct prepared *prepared, const struct message *message)
{
	struct reference name;
	size_t length = 0;

	if (reference_find(message, message->body, &name))
		length = (size_t)(message->body + message->body_length - name.rest);
	/* Nonsense, which the server will refuse. */
	if (length == 0 || !statement_body_is_sound(name.rest, length))
		return taken_if(prepared_push(prepared, FRONTEND_PARSE));
	struct sql sql;
	sql_look(&sql, name.rest, strlen(name.rest));
	if (prepared_is_reserved(&sql))
		return prepared_refuse(prepared, message, FAILURE_RESERVED_NAME);
	enum passage passage = prepared_require_sql(prepared, message->start, &sql);
	if (passage != PASSAGE_TAKEN)
		return passage;
	passage = name.length == 0 ? prepared_parse_unnamed(prepared, name.rest, length)
				   : parse_named(prepared, message, &name, length);
	if (passage == PASSAGE_TAKEN)
		prepared_count(prepared, &prepared->session->share->stats.client_parse_count);
	return passage;
}
