/*
 * The names that one client has given to its prepared statements. Belongs to the client's session.
 *
 * What a client asks for counts at once, though the server may still refuse it. Until that is known
 * the name is `pending`, and whoever keeps the notes can put back what it meant before.
 */
#ifndef MILLPOND_PROTOCOL_NAMES_H
#define MILLPOND_PROTOCOL_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/hash_table.h"
#include "protocol/statement.h"

struct name {
	struct hash_link link; /* by its text */
	struct statement *statement; /* held; NULL: closed, or not there yet */
	uint32_t pending; /* changes whose outcome is not known yet */
	uint32_t asked;	  /* uses that the server has not answered yet */
	uint32_t segment; /* of the last change, see daemon/relay/prepared.h */
	uint32_t shape;	  /* of the result that the client was told of, see daemon/relay/prepared_shape.c; 0: none */
	uint32_t parameters; /* ... and of its parameters, if the server had to find types of theirs; 0: none */
	uint32_t alterations; /* as of a held statement: what is older is not what the client has prepared */
	uint32_t described; /* segment in which it last asked for these */
	uint32_t length;
	char text[];
};

struct names {
	struct hash_table table;
	uint32_t count; /* those that mean a statement */
	struct name *bound; /* in the last Bind of the present segment; NULL: none, or something else now */
	uint32_t bound_portal; /* hash of the portal's name */
};

/* NULL: no such name, not even a pending one. */
struct name *names_find(const struct names *names, const char *text, size_t length);

/* The name, made if it is new. NULL without memory. */
struct name *names_make(struct names *names, const char *text, size_t length);

/* Makes the name mean that statement, whose hold is taken over; answers what it meant before, whose hold
 * is the caller's now. */
struct statement *names_set(struct names *names, struct name *name, struct statement *statement);

/* Forgets the name if it means nothing and nothing is pending. */
void names_tidy(struct names *names, struct name *name);

/* What all names mean counts as prepared after that many alterations. */
void names_date(const struct names *names, uint32_t alterations);

/* Drops what all names mean, but for those that are pending. */
void names_forget(struct names *names);

/* Drops all statements. No name may be pending. */
void names_clear(struct names *names);

#endif
