/*
 * Prepared statements: the types of the columns that a client was told of.
 *
 * Some drivers describe a statement once, and read binary values by that for ever. A server on which
 * the statement never changes its plan refuses what would return other types; but one that parses it
 * for the first time, after a table was altered, knows nothing of what another has told the client.
 */
#include "daemon/prepared_parts.h"

#include <string.h>

#include "daemon/session.h"
#include "daemon/upstream.h"
#include "protocol/hash.h"

/* Not looked at: too many columns. Whoever was told of them is not protected. */
#define SHAPE_UNKNOWN 1

bool prepared_asks_for_binary(const struct message *message)
{
	struct reference portal;
	struct reference statement;
	const char *end = message->body + message->body_length;

	if (!reference_find(message, message->body, &portal) ||
	    !reference_find(message, portal.rest, &statement))
		return true;
	const char *at = statement.rest;
	if (end - at < 2)
		return true;
	at += 2 + 2 * (size_t)read_uint16(at); /* formats of the parameters */
	if (end - at < 2)
		return true;
	uint16_t values = read_uint16(at);
	for (at += 2; values > 0 && end - at >= 4; values--) {
		uint32_t length = read_uint32(at);
		at += 4;
		if (length != UINT32_MAX)
			at += length < (size_t)(end - at) ? length : (size_t)(end - at);
	}
	if (end - at < 2)
		return true;
	uint16_t formats = read_uint16(at);
	for (at += 2; formats > 0 && end - at >= 2; at += 2, formats--)
		if (read_uint16(at) != 0)
			return true;
	return false;
}

/* A number for the types, which is not 0. */
static uint32_t shape_of(const struct message *message)
{
	uint32_t hash = HASH_START;
	const char *at = message->body + 2;
	const char *end = message->body + message->body_length;

	if (message->letter != BACKEND_ROW_DESCRIPTION)
		return SHAPE_UNKNOWN + 1;
	if (!message_is_whole(message))
		return SHAPE_UNKNOWN;
	while (at < end) {
		const char *zero = memchr(at, '\0', (size_t)(end - at));
		if (zero == NULL || end - zero < 19)
			break;
		/* Behind the table and the column, four bytes each and two. */
		hash = hash_number(hash, read_uint32(zero + 7));
		at = zero + 19;
	}
	return hash | 4;
}

void prepared_note_shape(struct upstream *upstream, const struct message *message)
{
	unsigned char asked = pipeline_head(&upstream->pipeline);
	const struct note *note = notes_at(&upstream->statements.notes, 0);
	unsigned char letter = asked & (PIPELINE_NOTED - 1);

	if ((asked & PIPELINE_NOTED) == 0 || note->kind != NOTE_USE ||
	    (letter != FRONTEND_DESCRIBE && letter != PIPELINE_OWN_DESCRIBE))
		return;
	uint32_t shape = shape_of(message);
	struct held *held = held_find(&upstream->statements.held, note->id);
	if (held != NULL)
		held->shape = shape;
	if (letter == FRONTEND_DESCRIBE && note->name != NULL)
		note->name->shape = shape;
}

/* The portal is described at once, so the client learns of the types that it has now. */
static bool is_described(const struct prepared *prepared, const struct message *message)
{
	const char *next = message->start + message->present;
	struct message follows;

	return message_look(next, (size_t)(prepared->end - next), &follows) &&
	       follows.letter == FRONTEND_DESCRIBE && follows.present > MESSAGE_HEADER_BYTES &&
	       follows.body[0] == 'P';
}

static enum passage ask_for_shape(struct prepared *prepared, const struct message *message,
				  const struct statement *statement)
{
	struct note note = {.kind = NOTE_USE, .id = statement->id};

	write_describe(prepared_write_up_to(prepared, message->start), statement->name);
	return prepared_push_noted(prepared, PIPELINE_OWN_DESCRIBE, &note) ?
		       prepared_wait(prepared) :
		       PASSAGE_FAILED;
}

static const struct held *held_of(const struct prepared *prepared, const struct name *name)
{
	return held_find(&server_of(prepared)->held, name->statement->id);
}

bool prepared_may_surprise(const struct prepared *prepared, const struct message *message,
			   const struct name *name)
{
	if (name->shape == 0)
		return false;
	const struct held *held = held_of(prepared, name);
	return held != NULL && held->shape != name->shape &&
	       (!message_is_whole(message) || prepared_asks_for_binary(message)) &&
	       !is_described(prepared, message);
}

enum passage prepared_spare_surprise(struct prepared *prepared, const struct message *message,
				     const struct name *name)
{
	if (held_of(prepared, name)->shape == 0)
		return ask_for_shape(prepared, message, name->statement);
	return message_is_whole(message) ?
		       prepared_refuse(prepared, message, FAILURE_PLAN_CHANGED) :
		       PASSAGE_INCOMPLETE;
}
