/* Prepared statements: what replies mean to them, and errors that name them. */
#include <stdlib.h>
#include <string.h>

#include "daemon/prepared.h"
#include "daemon/session.h"
#include "daemon/upstream.h"

/* --- errors ------------------------------------------------------------------------------- */

/* The text of one field of an ErrorResponse, or NULL. */
static const char *find_field(const struct message *message, char field)
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
	const char *text = find_field(message, 'M');
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
	const char *text = find_field(message, 'M');
	return text != NULL && strstr(text, ours) != NULL;
}

/* The plan does not fit its table any more, or the server has lost the statement. */
static bool is_about_the_plan(const struct message *message)
{
	const char *code = find_field(message, 'C');
	const char *routine = find_field(message, 'R');

	if (code == NULL)
		return false;
	return strcmp(code, "26000") == 0 || (strcmp(code, "0A000") == 0 && routine != NULL &&
					      strncmp(routine, "RevalidateCached", 16) == 0);
}

/* Some errors name the statement; the client shall see its own name. */
static bool rewrite_use(struct upstream *upstream, const struct note *note,
			const struct message *message, struct writer *out)
{
	struct held *held = held_find(&upstream->statements.held, note->id);
	char ours[STATEMENT_NAME_BYTES];

	if (is_about_the_plan(message)) {
		if (held != NULL)
			held->stale = true;
		for (struct raw *raw = upstream->statements.raws; raw != NULL; raw = raw->next)
			if (raw->statement != NULL && raw->statement->id == note->id)
				raw_forget(raw);
	}
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

	if (note->kind != NOTE_RAW || !note->quiet)
		return false;
	writer_reuse(kept);
	write_bytes(kept, message->start, message->present);
	return true;
}

/* The Query failed because what was done for it in front had failed. */
static bool rewrite_sql(struct upstream *upstream, struct writer *out)
{
	struct writer *kept = &upstream->statements.kept_error;

	if (kept->length == 0)
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
		return rewrite_use(upstream, note, message, out);
	case NOTE_SQL:
		return rewrite_sql(upstream, out);
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
	/* Whatever was assumed about the unnamed statement: parsing it once more is always right. */
	server->unnamed_session = 0;
	notes_fail(&server->notes, count, (asked & PIPELINE_NOTED) != 0, client, &server->held);
	if (asked == FRONTEND_PARSE && client != NULL)
		notes_unnamed_failed(&server->notes, client);
}

/* --- beginning and end -------------------------------------------------------------------- */

struct client_statements *client_statements_new(void)
{
	return calloc(1, sizeof(struct client_statements));
}

void client_statements_free(struct client_statements *client)
{
	if (client == NULL)
		return;
	names_clear(&client->names);
	free(client->unnamed);
	free(client->spare);
	free(client->portal_text);
	free(client);
}

void server_statements_clear(struct server_statements *server)
{
	held_clear(&server->held);
	raws_clear(server);
	server->unnamed_session = 0;
	server->must_deallocate = false;
}

void server_statements_release(struct server_statements *server)
{
	notes_release(&server->notes);
	held_clear(&server->held);
	raws_clear(server);
	writer_release(&server->kept_error);
}
