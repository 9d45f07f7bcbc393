/*
 * Prepared statements, interned: one for each text with its parameter types, however many clients
 * and servers know it, and under whatever names. It has a number, which makes its name on servers.
 * A text that is parsed under other settings, by which its literals mean something else, is another
 * statement.
 *
 * Statements are immutable and shared by all threads. Whoever stores one holds it, as a client or
 * as a server, and drops it when done; with the last holder it goes.
 * Source: PostgreSQL manual, "Message Formats", Parse.
 */
#ifndef MILLPOND_PROTOCOL_STATEMENT_H
#define MILLPOND_PROTOCOL_STATEMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/message.h"
#include "protocol/parameters.h"
#include "protocol/sql.h"
#include "protocol/writer.h"

#define STATEMENT_NAME_BYTES 32

/* Every name of ours on a server begins so. */
#define STATEMENT_PREFIX "MILLPOND_"

enum statement_holder { HELD_BY_CLIENT, HELD_BY_SERVER, STATEMENT_HOLDERS };

/* What tells statements apart. */
struct statement_key {
	const char *body; /* of a Parse behind the name: text, zero, number of types, types */
	size_t length;
	struct parameters *literals; /* held: what they mean, see parameters_for_literals(); or NULL */
	uint32_t hash;	 /* made by statement_intern() */
	bool is_command; /* it was made by an SQL PREPARE: the text is that command */
};

struct statement {
	struct statement_key key; /* stays in front, as the table finds a statement by it */
	struct statement_table *table;
	uint64_t id; /* from 1, never used again */
	uint32_t holders[STATEMENT_HOLDERS]; /* behind the table's lock */
	atomic_uint_fast64_t uses;
	char name[STATEMENT_NAME_BYTES]; /* on servers */
	uint32_t name_length;
	struct sql sql; /* what its text does if it is executed; points into the text */
	bool is_about_locks; /* likewise: sql_is_about_locks() ... */
	bool may_make_table; /* ... sql_may_make_table() ... */
	bool may_set;	     /* ... and sql_may_set() */
	char body[];	/* the key's */
};

struct statement_table;

/* NULL without memory. */
struct statement_table *statement_table_new(void);
void statement_table_free(struct statement_table *table); /* all must have been dropped */

/*
 * The one statement with that key, held; made if it is new. The body must be well formed, see
 * statement_body_is_sound(). NULL without memory.
 */
struct statement *statement_intern(struct statement_table *table, const struct statement_key *key,
				   enum statement_holder holder);

/* Writes the name on servers of a statement of that number; answers its length. */
size_t statement_name(char name[STATEMENT_NAME_BYTES], uint64_t id);

/* Holds it once more. */
struct statement *statement_hold(struct statement *statement, enum statement_holder holder);

/* What is NULL is not dropped. */
void statement_drop(struct statement *statement, enum statement_holder holder);

/* Whether this is what may stand behind the name in a Parse. */
bool statement_body_is_sound(const char *body, size_t length);

/* How many parameters' types its Parse gives. */
static inline uint32_t statement_type_count(const struct statement *statement)
{
	return read_uint16(statement->body + statement->sql.length + 1);
}

/* Writes a whole Parse that makes it, under that name. */
void statement_write_parse(struct writer *writer, const char *name, size_t name_length,
			   const char *body, size_t length);

/* How many statements it has; for tests. */
size_t statement_table_count(struct statement_table *table);

/* Calls `each` for all statements, under the lock: it must be quick and must not come back. */
void statement_table_each(struct statement_table *table,
			  void (*each)(void *context, const struct statement *statement),
			  void *context);

/* The memory that it takes. */
static inline size_t statement_bytes(const struct statement *statement)
{
	return sizeof *statement + statement->key.length;
}

#endif
