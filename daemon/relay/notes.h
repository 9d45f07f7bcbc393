/*
 * What is to be done when the server has answered, or skipped, certain requests about prepared
 * statements. For each request in the pipeline that has PIPELINE_NOTED there is one note, in the
 * same order.
 *
 * What a request changes counts when it is sent, since the next ones may depend on it. If the server
 * refuses it, or skips it after an earlier error, its note undoes that.
 */
#ifndef MILLPOND_RELAY_NOTES_H
#define MILLPOND_RELAY_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/sql.h"

struct client_statements;
struct failure;
struct held;
struct held_set;
struct name;
struct sql_name;
struct statement;
struct unnamed;

enum note_kind {
	NOTE_DEFINE,  /* a name means something else now: `name`, `before`; perhaps `held` too */
	NOTE_HELD,    /* the server comes to hold a statement: `held` */
	NOTE_UNNAMED, /* the unnamed statement was replaced: `unnamed`, `serial` of before */
	NOTE_SQL_NAME, /* the server comes to have a statement under a client's name: `sql_name`, `quiet` */
	NOTE_SQL,      /* a command about prepared statements: `sql` */
	NOTE_USE,      /* a statement that the server holds is used: `name`, `id` */
	NOTE_MISNAMED, /* it will fail, and the error is to have the client's `text` for the name */
	NOTE_REFUSED,  /* it will fail, and the client is to be told this `failure` instead */
};

/* Of a command that was foreseen; its tag tells whether it has happened. */
struct sql_note {
	enum sql_effect effect;
	struct statement *statement; /* that it prepares, held */
	struct sql_note *next;	     /* what the text does then, if it is of several commands */
	bool is_foreign;	     /* its name is not of ASCII: the server has it out of our sight, if at all */
	size_t length;
	char name[SQL_NAME_BYTES + 1];
};

struct note {
	enum note_kind kind;
	bool quiet; /* its error is not for the client */
	uint32_t serial;
	struct held *held;
	struct name *name;
	union {
		struct statement *before;
		struct unnamed *unnamed;
		struct failure *failure;
		struct sql_name *sql_name;
		struct sql_note *sql;
		char *text;
		uint64_t id;
	};
};

/* In an error a name longer than this is cut short. */
#define LONGEST_NOTED_NAME ((size_t)1024)

/* A ring. */
struct notes {
	struct note *list;
	uint32_t capacity; /* a power of two, or 0 */
	uint32_t first;
	uint32_t count;
	size_t bytes; /* of texts and structures that the notes own */
};

/* The i-th note that is still open. */
static inline struct note *notes_at(const struct notes *notes, uint32_t i)
{
	return &notes->list[(notes->first + i) & (notes->capacity - 1)];
}

/* Frees what is left of a text's commands. */
void sql_note_free(struct sql_note *sql);

/* A copy of a name for `text`, perhaps cut short. NULL without memory. */
char *notes_copy_name(const char *name, size_t length);

/* Appends a note, and takes over what it owns. False without memory: that is freed then. */
bool notes_add(struct notes *notes, const struct note *note);

/*
 * The requests of the first `count` notes have ended: well, or, after an error, not. `is_first`: the
 * error was the answer to the first of them, and the others were skipped. `client` is NULL when the
 * client has left.
 */
void notes_succeed(struct notes *notes, uint32_t count, struct client_statements *client);
void notes_fail(struct notes *notes, uint32_t count, bool is_first,
		struct client_statements *client, struct held_set *held);

/* The client leaves while something is still open: what concerns it is forgotten. */
void notes_forget_client(struct notes *notes);

/* An error was the answer to a Parse of the unnamed statement that has no note. */
void notes_unnamed_failed(struct notes *notes, struct client_statements *client);

void notes_release(struct notes *notes);

#endif
