#include "daemon/relay/notes.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/relay/prepared.h"
#include "protocol/failure.h"
#include "protocol/held.h"
#include "protocol/names.h"

static bool grow(struct notes *notes)
{
	uint32_t capacity = notes->capacity == 0 ? 16 : notes->capacity * 2;
	struct note *list = malloc(capacity * sizeof *list);

	if (list == NULL)
		return false;
	for (uint32_t i = 0; i < notes->count; i++)
		list[i] = *notes_at(notes, i);
	free(notes->list);
	notes->list = list;
	notes->capacity = capacity;
	notes->first = 0;
	return true;
}

static size_t owned_bytes(const struct note *note)
{
	switch (note->kind) {
	case NOTE_UNNAMED:
		return note->unnamed != NULL ? note->unnamed->capacity : 0;
	case NOTE_MISNAMED:
		return strlen(note->text) + 1;
	case NOTE_REFUSED:
		return sizeof *note->failure;
	case NOTE_SQL:
		return sizeof *note->sql;
	default:
		return 0;
	}
}

void sql_note_free(struct sql_note *sql)
{
	while (sql != NULL) {
		struct sql_note *next = sql->next;
		statement_drop(sql->statement, HELD_BY_CLIENT);
		free(sql);
		sql = next;
	}
}

char *notes_copy_name(const char *name, size_t length)
{
	if (length > LONGEST_NOTED_NAME) {
		length = LONGEST_NOTED_NAME;
		/* Not within a character of UTF-8. */
		while (length > 0 && ((unsigned char)name[length] & 0xc0) == 0x80)
			length--;
	}
	return strndup(name, length);
}

static void remove_first(struct notes *notes, uint32_t count)
{
	notes->first += count;
	notes->count -= count;
}

static struct unnamed *take_unnamed(struct notes *notes, struct note *note)
{
	struct unnamed *unnamed = note->unnamed;

	notes->bytes -= owned_bytes(note);
	note->unnamed = NULL;
	return unnamed;
}

/* A buffer that is not needed any more may be wanted soon. */
static void recycle(struct client_statements *client, struct unnamed *unnamed)
{
	if (client == NULL || client->spare != NULL) {
		free(unnamed);
		return;
	}
	client->spare = unnamed;
}

/* --- names and holdings ------------------------------------------------------------------- */

static void settle_name(const struct note *note, struct client_statements *client)
{
	if (note->name == NULL)
		return;
	note->name->pending--;
	names_tidy(&client->names, note->name);
}

static void settle_held(const struct note *note)
{
	if (note->held == NULL)
		return;
	note->held->pending = false;
	note->held->stale = note->held->doubtful;
}

/* What was closed first is closed, or there still: to be closed once more does no harm. */
static void undo_held(const struct note *note, struct held_set *held)
{
	if (note->held == NULL)
		return;
	note->held->pending = false;
	if (!note->held->stale)
		held_remove(held, note->held);
}

static void undo_name(const struct note *note, struct client_statements *client)
{
	if (note->name != NULL)
		statement_drop(names_set(&client->names, note->name, note->before), HELD_BY_CLIENT);
	else
		statement_drop(note->before, HELD_BY_CLIENT);
}

/* --- the unnamed statement ---------------------------------------------------------------- */

static struct note *next_unnamed(const struct notes *notes, uint32_t from)
{
	for (uint32_t i = from; i < notes->count; i++)
		if (notes_at(notes, i)->kind == NOTE_UNNAMED)
			return notes_at(notes, i);
	return NULL;
}

/* Before the note at `from`, the unnamed statement was this one: its buffer is taken over. */
static void put_back_unnamed(struct notes *notes, uint32_t from, struct client_statements *client,
			     struct unnamed *unnamed, uint32_t serial)
{
	struct note *later = next_unnamed(notes, from);

	if (later != NULL) {
		recycle(client, take_unnamed(notes, later));
		later->unnamed = unnamed;
		later->serial = serial;
		notes->bytes += owned_bytes(later);
	} else {
		recycle(client, client->unnamed);
		client->unnamed = unnamed;
		client->unnamed_serial = serial;
	}
}

/* The first of those that failed or were skipped knows what there was before all of them. */
static void undo_unnamed(struct notes *notes, uint32_t count, bool is_first,
			 struct client_statements *client)
{
	struct note *oldest = NULL;
	bool none = false;

	for (uint32_t i = 0; i < count; i++) {
		struct note *note = notes_at(notes, i);
		if (note->kind != NOTE_UNNAMED)
			continue;
		client->unnamed_pending--;
		if (oldest == NULL) {
			oldest = note;
			none = is_first && i == 0; /* its Parse failed, after it had dropped it */
		} else {
			recycle(client, take_unnamed(notes, note));
		}
	}
	if (oldest != NULL)
		put_back_unnamed(notes, count, client, take_unnamed(notes, oldest),
				 none ? 0 : oldest->serial);
}

void notes_unnamed_failed(struct notes *notes, struct client_statements *client)
{
	struct note *later = next_unnamed(notes, 0);

	if (later != NULL)
		later->serial = 0;
	else
		client->unnamed_serial = 0;
}

/* --- outcomes ----------------------------------------------------------------------------- */

static void succeed(struct notes *notes, struct note *note, struct client_statements *client)
{
	if (note->kind != NOTE_UNNAMED) /* see take_unnamed() */
		notes->bytes -= owned_bytes(note);
	switch (note->kind) {
	case NOTE_DEFINE:
		statement_drop(note->before, HELD_BY_CLIENT);
		if (note->name != NULL)
			note->name->shape = note->name->parameters = 0;
		settle_name(note, client);
		settle_held(note);
		break;
	case NOTE_HELD:
		settle_held(note);
		break;
	case NOTE_UNNAMED:
		if (client != NULL)
			client->unnamed_pending--;
		recycle(client, take_unnamed(notes, note));
		break;
	case NOTE_MISNAMED:
		free(note->text);
		break;
	case NOTE_REFUSED:
		free(note->failure);
		break;
	case NOTE_SQL_NAME:
		break;
	case NOTE_SQL:
		sql_note_free(note->sql);
		break;
	case NOTE_USE:
		if (note->name != NULL && --note->name->asked == 0)
			names_tidy(&client->names, note->name);
		break;
	}
}

void notes_succeed(struct notes *notes, uint32_t count, struct client_statements *client)
{
	for (uint32_t i = 0; i < count; i++)
		succeed(notes, notes_at(notes, i), client);
	remove_first(notes, count);
}

static void fail(struct notes *notes, struct note *note, struct client_statements *client,
		 struct held_set *held)
{
	switch (note->kind) {
	case NOTE_DEFINE:
		undo_name(note, client);
		settle_name(note, client);
		undo_held(note, held);
		break;
	case NOTE_HELD:
		undo_held(note, held);
		break;
	case NOTE_SQL_NAME:
		sql_name_set(note->sql_name, NULL);
		break;
	case NOTE_UNNAMED:
		if (client == NULL)
			free(take_unnamed(notes, note));
		break;
	default:
		succeed(notes, note, client);
	}
}

void notes_fail(struct notes *notes, uint32_t count, bool is_first,
		struct client_statements *client, struct held_set *held)
{
	if (client != NULL)
		undo_unnamed(notes, count, is_first, client);
	/* Backwards, so that of several changes of one name the oldest has the last word. */
	for (uint32_t i = count; i > 0; i--)
		fail(notes, notes_at(notes, i - 1), client, held);
	remove_first(notes, count);
}

/* --- together ----------------------------------------------------------------------------- */

/* Frees what it owns. */
static void discard(struct notes *notes, struct note *note)
{
	note->name = NULL;
	note->held = NULL;
	succeed(notes, note, NULL);
}

bool notes_add(struct notes *notes, const struct note *note)
{
	notes->bytes += owned_bytes(note);
	if (notes->count == notes->capacity && !grow(notes)) {
		struct note lost = *note;
		discard(notes, &lost);
		return false;
	}
	notes->count++;
	*notes_at(notes, notes->count - 1) = *note;
	return true;
}

void notes_forget_client(struct notes *notes)
{
	for (uint32_t i = 0; i < notes->count; i++)
		notes_at(notes, i)->name = NULL;
}

void notes_release(struct notes *notes)
{
	for (uint32_t i = 0; i < notes->count; i++)
		discard(notes, notes_at(notes, i));
	free(notes->list);
	*notes = (struct notes){0};
}
