/*
 * Prepared statements of SQL: what the tags of replies tell of them. What was not foreseen pins the
 * client to its server.
 */
#include "daemon/relay/prepared_parts.h"

#include <string.h>

static void pin(struct upstream *upstream, const char *tag)
{
	struct session *session = upstream->session;

	upstream->statements.must_deallocate = true;
	if (session->statements == NULL)
		session->statements = client_statements_new();
	if (session->statements == NULL) {
		session_kill(session, FAILURE_NO_MEMORY);
		return;
	}
	if (session->statements->pins++ == 0)
		session_log(session, LEVEL_LOG,
			    "pinned to its server: %s in a place where it can not be followed",
			    tag);
}

static void unpin(struct upstream *upstream)
{
	upstream->session->statements->pins = 0;
	upstream->statements.must_deallocate = false;
}

static void forget_all(struct upstream *upstream)
{
	struct client_statements *client = upstream->session->statements;
	struct server_statements *server = &upstream->statements;

	if (client != NULL) {
		names_forget(&client->names);
		unpin(upstream);
	}
	/* What may be gone is closed, and parsed anew. */
	for (struct held *held = server->held.by_use.newest; held != NULL; held = held->aged.older)
		held->stale = true;
	/* While this was open none was made; what the same string prepares behind it, it may keep. */
	sql_names_clear(&server->sql_names);
	server->unnamed_session = 0;
}

static void note_prepared(struct upstream *upstream, struct sql_note *sql)
{
	struct client_statements *client = upstream->session->statements;
	struct server_statements *server = &upstream->statements;
	struct name *name = names_make(&client->names, sql->name, sql->length);
	struct sql_name *sql_name = sql_name_make(&server->sql_names, sql->name, sql->length);

	if (name == NULL || sql_name == NULL) {
		pin(upstream, "PREPARE");
		return;
	}
	sql_name_set(sql_name, sql->statement);
	prepared_date_sql_name(upstream, sql_name);
	name->alterations = sql_name->alterations;
	statement_drop(names_set(&client->names, name, sql->statement), HELD_BY_CLIENT);
	sql->statement = NULL;
}

static void note_deallocated(struct upstream *upstream, const struct sql_note *sql)
{
	struct client_statements *client = upstream->session->statements;
	struct name *name = names_find(&client->names, sql->name, sql->length);
	struct sql_name *sql_name =
		sql_name_find(&upstream->statements.sql_names, sql->name, sql->length);

	if (sql_name != NULL)
		sql_name_remove(&upstream->statements.sql_names, sql_name);
	if (name == NULL || name->statement == NULL) {
		if (client->pins > 0 && --client->pins == 0)
			unpin(upstream);
		return;
	}
	statement_drop(names_set(&client->names, name, NULL), HELD_BY_CLIENT);
	names_tidy(&client->names, name);
}

/* NULL: what it is about was not foreseen. */
static void note_command(struct upstream *upstream, const char *tag, struct sql_note *sql)
{
	bool known = sql != NULL && sql->length > 0;

	if (strcmp(tag, "PREPARE") == 0 && known && sql->effect == SQL_PREPARE &&
	    sql->statement != NULL)
		note_prepared(upstream, sql);
	else if (strcmp(tag, "DEALLOCATE") == 0 && sql != NULL && sql->effect == SQL_DEALLOCATE &&
		 (known || sql->is_foreign))
		note_deallocated(upstream, sql);
	else
		pin(upstream, tag);
}

/* Of several in one string: their tags come in the same order. */
static void note_next_command(struct upstream *upstream, const char *tag, struct sql_note *text)
{
	struct sql_note *sql = text->next;

	note_command(upstream, tag, sql);
	if (sql == NULL)
		return;
	text->next = sql->next;
	sql->next = NULL;
	sql_note_free(sql);
}

void prepared_note_tag(struct upstream *upstream, const char *tag)
{
	const struct notes *notes = &upstream->statements.notes;
	unsigned char asked = pipeline_head(&upstream->pipeline);
	bool is_ours =
		pipeline_letter(asked) == PIPELINE_OWN_EXECUTE || asked == PIPELINE_OWN_QUERY;
	struct sql_note *sql = NULL;

	/* What it was about has gone with its client. */
	if (!is_ours && upstream->session == NULL)
		upstream->statements.must_deallocate |= strcmp(tag, "PREPARE") == 0 ||
							strncmp(tag, "DEALLOCATE", 10) == 0 ||
							strcmp(tag, "DISCARD ALL") == 0;
	if (is_ours || upstream->session == NULL ||
	    pool_share_mode(upstream->session->share) == POOL_SESSION)
		return;
	if (strcmp(tag, "DEALLOCATE ALL") == 0 || strcmp(tag, "DISCARD ALL") == 0) {
		forget_all(upstream);
		return;
	}
	if (strcmp(tag, "PREPARE") != 0 && strcmp(tag, "DEALLOCATE") != 0)
		return;
	if ((asked & PIPELINE_NOTED) != 0 && notes_at(notes, 0)->kind == NOTE_SQL)
		sql = notes_at(notes, 0)->sql;
	if (sql != NULL && sql->effect == SQL_EXECUTE)
		note_next_command(upstream, tag, sql);
	else
		note_command(upstream, tag, sql);
}
