/* Prepared statements: what replies mean to them, and errors that name them. */
#include "daemon/relay/prepared_parts.h"

#include <string.h>

/* --- errors ------------------------------------------------------------------------------- */

const char *prepared_find_field(const struct message *message, char field)
{
	const char *at = message->body;
	const char *end = at + message->body_length;

	while (at < end && *at != '\0') {
		const char *text = at + 1;
		const char *zero = memchr(text, '\0', (size_t)(end - text));
		if (zero == NULL)
			return NULL;
		if (*at == field)
			return text;
		at = zero + 1;
	}
	return NULL;
}

/* Copies an error, with our name for a statement, in its primary message, replaced by another. */
static void write_renamed_error(struct writer *out, const struct message *message, const char *ours,
				const char *name, size_t length)
{
	const char *text = prepared_find_field(message, 'M');
	const char *found = strstr(text, ours);
	const char *end = message->body + message->body_length;
	const char *behind = found + strlen(ours);

	message_begin(out, BACKEND_ERROR);
	write_bytes(out, message->body, (size_t)(found - message->body));
	write_bytes(out, name, length);
	write_bytes(out, behind, (size_t)(end - behind));
	message_end(out);
}

static bool names_ours(const struct message *message, const char *ours)
{
	const char *text = prepared_find_field(message, 'M');
	return text != NULL && strstr(text, ours) != NULL;
}

bool prepared_is_about_the_plan(const struct message *message)
{
	const char *code = prepared_find_field(message, 'C');
	const char *routine = prepared_find_field(message, 'R');

	if (code == NULL)
		return false;
	return strcmp(code, "26000") == 0 || (strcmp(code, "0A000") == 0 && routine != NULL &&
					      strncmp(routine, "RevalidateCached", 16) == 0);
}

void prepared_look_at_error(struct upstream *upstream, const struct message *message)
{
	struct server_statements *server = &upstream->statements;
	const struct note *note = notes_at(&server->notes, 0);

	if ((note->kind != NOTE_USE && note->kind != NOTE_SQL) ||
	    !prepared_is_about_the_plan(message))
		return;
	if (note->kind == NOTE_SQL) {
		sql_names_forget(&server->sql_names, note->sql->name, note->sql->length);
		return;
	}
	struct held *held = held_find(&server->held, note->id);
	if (held != NULL)
		held->stale = true;
	for (struct sql_name *sql_name = server->sql_names.by_age.newest; sql_name != NULL;
	     sql_name = sql_name->aged.older)
		if (sql_name->statement != NULL && sql_name->statement->id == note->id)
			sql_name_set(sql_name, NULL);
}

/* Some errors name the statement; the client shall see its own name. */
static bool rewrite_use(const struct note *note, const struct message *message, struct writer *out)
{
	char ours[STATEMENT_NAME_BYTES];

	statement_name(ours, note->id);
	if (note->name == NULL || !names_ours(message, ours))
		return false;
	write_renamed_error(out, message, ours, note->name->text, note->name->length);
	return true;
}

bool prepared_keep_error(struct upstream *upstream, const struct message *message)
{
	const struct note *note = notes_at(&upstream->statements.notes, 0);
	struct writer *kept = &upstream->statements.kept_error;

	if (note->kind != NOTE_SQL_NAME || !note->quiet)
		return false;
	/* Of several, the Query comes upon the first. */
	if (kept->length == 0) {
		writer_reuse(kept);
		write_bytes(kept, message->start, message->present);
	}
	return true;
}

/* The Query failed because what was done for it in front had failed. */
static bool rewrite_sql(struct upstream *upstream, const struct message *message,
			struct writer *out)
{
	struct writer *kept = &upstream->statements.kept_error;

	if (kept->length == 0 || !prepared_is_about_the_plan(message))
		return false;
	write_bytes(out, kept->data, kept->length);
	kept->length = 0;
	return true;
}

bool prepared_rewrite_error(struct upstream *upstream, const struct message *message,
			    struct writer *out)
{
	const struct note *note = notes_at(&upstream->statements.notes, 0);

	switch (note->kind) {
	case NOTE_USE:
		return rewrite_use(note, message, out);
	case NOTE_SQL:
		return rewrite_sql(upstream, message, out);
	case NOTE_REFUSED:
		write_failure(out, note->failure);
		return true;
	case NOTE_MISNAMED:
		if (names_ours(message, UNKNOWN_NAME))
			write_renamed_error(out, message, UNKNOWN_NAME, note->text,
					    strlen(note->text));
		else if (names_ours(message, TAKEN_NAME))
			write_renamed_error(out, message, TAKEN_NAME, note->text,
					    strlen(note->text));
		else
			return false;
		return true;
	default:
		return false;
	}
}

/* --- outcomes ----------------------------------------------------------------------------- */

void prepared_note_literals(struct upstream *upstream)
{
	struct server_statements *server = &upstream->statements;

	for (struct held *held = server->held.by_use.newest; held != NULL;
	     held = held->aged.older) {
		if ((int32_t)(held->segment - server->rest_segment) < 0)
			continue;
		held->doubtful = held->pending;
		held->stale |= !held->pending;
	}
}

/* What SQL has prepared meanwhile is not looked at one by one. */
void prepared_note_literals_since(struct upstream *upstream, uint32_t segment)
{
	struct server_statements *server = &upstream->statements;

	for (struct held *held = server->held.by_use.newest; held != NULL; held = held->aged.older)
		held->stale |= (int32_t)(held->segment - segment) >= 0;
	server->must_deallocate |= server->sql_names.table.count > 0;
}

void prepared_note_outcome(struct upstream *upstream, bool failed, unsigned char asked)
{
	struct server_statements *server = &upstream->statements;
	struct client_statements *client =
		upstream->session == NULL ? NULL : upstream->session->statements;
	uint32_t count = upstream->pipeline.noted;

	for (uint32_t i = 0; i < count; i++)
		server->open_effects -= notes_at(&server->notes, i)->kind == NOTE_SQL;
	if (!failed) {
		notes_succeed(&server->notes, count, client);
		return;
	}
	server->half_described = false;
	/* Whatever was assumed about the unnamed statement: parsing it once more is always right. */
	server->unnamed_session = 0;
	notes_fail(&server->notes, count, (asked & PIPELINE_NOTED) != 0, client, &server->held);
	if (asked == FRONTEND_PARSE && client != NULL)
		notes_unnamed_failed(&server->notes, client);
}
