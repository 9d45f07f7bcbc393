/*
 * Prepared statements: the columns and the parameters that a client was told of.
 *
 * Some drivers describe a statement once, and by that read rows and write values for ever. A server that
 * holds the statement refuses what would return other columns, and goes on taking the same parameters; but
 * one that parses it for the first time, after a table was altered, knows nothing of what another has told
 * the client.
 */
#include "daemon/relay/prepared_parts.h"

#include <string.h>

#include "protocol/hash.h"
#include "protocol/reader.h"

/* Not looked at: too many columns. Whoever was told of them is not protected. */
#define SHAPE_UNKNOWN 1

/* A Bind from behind its names on, as far as it is there. False: these are not there. */
static bool find_formats(const struct message *message, struct reader *reader)
{
	struct reference portal;
	struct reference statement;

	if (!reference_find(message, message->body, &portal) ||
	    !reference_find(message, portal.rest, &statement))
		return false;
	*reader = (struct reader){statement.rest, message->start + message->present, false};
	return true;
}

/* Whether one of a list of formats is binary, or they are not all there. */
static bool has_binary(struct reader *reader)
{
	bool is_binary = false;

	for (uint16_t formats = reader_take_uint16(reader); formats > 0 && !reader->failed;
	     formats--)
		is_binary |= reader_take_uint16(reader) != 0;
	return is_binary || reader->failed;
}

bool prepared_asks_for_binary(const struct message *message)
{
	struct reader reader;

	if (!find_formats(message, &reader))
		return true;
	/* The formats of the parameters, and their values. */
	reader_take_bytes(&reader, 2 * (size_t)reader_take_uint16(&reader));
	for (uint16_t values = reader_take_uint16(&reader); values > 0 && !reader.failed;
	     values--) {
		uint32_t length = reader_take_uint32(&reader);
		if (length != UINT32_MAX)
			reader_take_bytes(&reader, length);
	}
	return has_binary(&reader);
}

/* A longer one is whole or not as the reads happen to fall: it must be unknown in either case. */
static bool is_looked_at(const struct message *message)
{
	return message_is_whole(message) && message->body_length <= LOOKED_AT_BYTES;
}

/* A number for what PostgreSQL compares: how many columns, their names, types and modifiers. It is not 0. */
static uint32_t shape_of(const struct message *message)
{
	const char *at = message->body + 2;
	const char *end = message->body + message->body_length;

	if (message->letter != BACKEND_ROW_DESCRIPTION)
		return SHAPE_UNKNOWN + 1;
	if (!is_looked_at(message))
		return SHAPE_UNKNOWN;
	uint32_t hash = HASH_START;
	while (at < end) {
		const char *zero = memchr(at, '\0', (size_t)(end - at));
		if (zero == NULL || end - zero < 19)
			break;
		hash = hash_bytes(hash, at, (size_t)(zero - at) + 1);
		/* Behind the table and the column, four bytes each and two; and behind the size, two. */
		hash = hash_number(hash, read_uint32(zero + 7));
		hash = hash_number(hash, read_uint32(zero + 13));
		at = zero + 19;
	}
	return hash | 4;
}

/* The same for the parameters: their types. */
static uint32_t parameters_of(const struct message *message)
{
	uint32_t hash = HASH_START;

	if (!is_looked_at(message))
		return SHAPE_UNKNOWN;
	for (size_t at = 2; at + 4 <= message->body_length; at += 4)
		hash = hash_number(hash, read_uint32(message->body + at));
	return hash | 4;
}

/* Whether the server had to find types of parameters, and finds others if a table is altered. */
static bool were_found(const struct statement *statement, const struct message *message)
{
	const char *given = statement->body + statement->sql.length + 1;

	if (!is_looked_at(message) || message->body_length < 2)
		return false;
	uint16_t count = read_uint16(message->body);
	if (statement_type_count(statement) < count)
		return true;
	for (uint16_t i = 0; i < count; i++)
		if (read_uint32(given + 2 + 4 * (size_t)i) == 0)
			return true;
	return false;
}

/* The note of a Describe that is being answered, and whether the client hears the answer. NULL: none. */
static const struct note *find_described(const struct upstream *upstream, bool *told)
{
	unsigned char asked = pipeline_head(&upstream->pipeline);
	const struct note *note = notes_at(&upstream->statements.notes, 0);
	unsigned char letter = pipeline_letter(asked);

	if ((asked & PIPELINE_NOTED) == 0 || note->kind != NOTE_USE ||
	    (letter != FRONTEND_DESCRIBE && letter != PIPELINE_OWN_DESCRIBE))
		return NULL;
	*told = letter == FRONTEND_DESCRIBE && note->name != NULL;
	return note;
}

void prepared_note_parameters(struct upstream *upstream, const struct message *message)
{
	bool told;
	const struct note *note = find_described(upstream, &told);
	struct held *held =
		note == NULL ? NULL : held_find(&upstream->statements.held, note->id);

	if (held == NULL)
		return;
	held->parameters = parameters_of(message);
	if (told && !upstream->statements.half_owed)
		note->name->parameters = were_found(held->statement, message) ? held->parameters : 0;
}

void prepared_note_shape(struct upstream *upstream, const struct message *message)
{
	bool told;
	const struct note *note = find_described(upstream, &told);

	if (note == NULL)
		return;
	uint32_t shape = shape_of(message);
	struct held *held = held_find(&upstream->statements.held, note->id);
	if (held != NULL)
		held->shape = shape;
	if (told)
		note->name->shape = shape;
}

/* --- who asks, and who remembers ---------------------------------------------------------- */

static uint32_t hash_portal(const struct reference *portal)
{
	return hash_bytes(HASH_START, portal->name, portal->length);
}

void prepared_remember_use(struct prepared *prepared, const struct reference *portal, struct name *name)
{
	struct client_statements *client = prepared->session->statements;

	if (portal != NULL && client != NULL) {
		client->names.bound = name;
		client->names.bound_portal = hash_portal(portal);
	} else if (portal == NULL && !prepared->answered) {
		name->described = server_of(prepared)->segment;
	}
}

static struct held *held_of(const struct prepared *prepared, const struct name *name)
{
	return held_find(&server_of(prepared)->held, name->statement->id);
}

enum passage prepared_describe_portal(struct prepared *prepared, const struct reference *portal)
{
	const struct client_statements *client = prepared->session->statements;
	struct name *name = client == NULL ? NULL : client->names.bound;

	if (name == NULL || client->names.bound_portal != hash_portal(portal))
		return taken_if(prepared_push(prepared, FRONTEND_DESCRIBE));
	const struct held *held = held_of(prepared, name);
	/* As long as the server holds it, its shape does not change. */
	if (held != NULL && held->shape != 0 && held->shape == name->shape)
		return taken_if(prepared_push(prepared, FRONTEND_DESCRIBE));
	struct note note = {.kind = NOTE_USE, .name = name, .id = name->statement->id};
	if (!prepared->answered)
		name->described = server_of(prepared)->segment;
	name->asked++;
	return taken_if(prepared_push_noted(prepared, FRONTEND_DESCRIBE, &note));
}

/* Whether the client is seen to ask for the columns of what it binds. As long as what follows has not come it
 * may go by what it was told before. */
static bool asks_anew(const struct prepared *prepared, const struct message *message)
{
	const char *next = message->start + message->present;
	struct message follows;

	return message_is_whole(message) && message_look(next, (size_t)(prepared->end - next), &follows) &&
	       follows.letter == FRONTEND_DESCRIBE && follows.present > MESSAGE_HEADER_BYTES &&
	       follows.body[0] == 'P';
}

/* It has asked in this segment, and will have the answer first. */
static bool has_asked(const struct prepared *prepared, const struct name *name)
{
	return name->asked > 0 && name->described == server_of(prepared)->segment;
}

/* --- what is done about it ---------------------------------------------------------------- */

/* Whether a Bind has binary values for parameters, or what it has cannot be seen yet. */
static bool sends_binary(const struct message *message)
{
	struct reader formats;

	return !find_formats(message, &formats) || has_binary(&formats);
}

bool prepared_may_surprise(const struct prepared *prepared, const struct message *message,
			   struct name *name)
{
	if ((name->shape | name->parameters) == 0 || name->pending > 0)
		return false;
	const struct held *held = held_of(prepared, name);
	if (held == NULL)
		return false;
	return (name->shape != 0 && held->shape != name->shape && !has_asked(prepared, name) &&
		!asks_anew(prepared, message)) ||
	       (name->parameters != 0 && held->parameters != name->parameters &&
		sends_binary(message));
}

static bool is_fresh(const struct prepared *prepared, const struct held *held)
{
	return held->segment == server_of(prepared)->segment;
}

/* What was parsed before may not fit any more, and then could not be asked: it is parsed anew. */
static enum passage ask_for_shape(struct prepared *prepared, const struct message *message,
				  struct name *name, struct held *held)
{
	held->stale |= !is_fresh(prepared, held);
	enum passage passage = prepared_require_held(prepared, message->start, name);
	if (passage != PASSAGE_TAKEN)
		return passage;
	struct note note = {.kind = NOTE_USE, .id = name->statement->id};
	write_describe(prepared_write_up_to(prepared, message->start), name->statement->name);
	return prepared_push_noted(prepared, PIPELINE_OWN_DESCRIBE, &note) ?
		       prepared_wait(prepared) :
		       PASSAGE_FAILED;
}

enum passage prepared_spare_surprise(struct prepared *prepared, const struct message *message,
				     struct name *name)
{
	struct held *held = held_of(prepared, name);

	if (name->asked > 0) /* perhaps for the shape */
		return prepared_wait(prepared);
	if (held->shape == 0 || held->parameters == 0 || !is_fresh(prepared, held))
		return ask_for_shape(prepared, message, name, held);
	return message_is_whole(message) ?
		       prepared_refuse(prepared, message, FAILURE_PLAN_CHANGED) :
		       PASSAGE_INCOMPLETE;
}
