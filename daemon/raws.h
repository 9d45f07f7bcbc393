/*
 * What a server connection has under the names that clients have given it by SQL, and not under ours.
 * Belongs to the connection.
 */
#ifndef MILLPOND_DAEMON_RAWS_H
#define MILLPOND_DAEMON_RAWS_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/statement.h"

struct raw {
	struct raw *next;  /* in its bucket */
	struct raw *newer; /* by when they were made */
	struct raw *older;
	struct statement *statement; /* held; NULL: it is not known what, if anything */
	uint32_t alterations; /* how many there had been when it was prepared ... */
	uint32_t creator;     /* ... and in which transaction, see prepared_creator() */
	uint32_t hash;
	uint32_t going; /* the reading in which the first that is done with it is to deallocate it */
	uint32_t length;
	char name[];
};

struct raws {
	struct raw **buckets; /* NULL: none yet */
	size_t bucket_count;  /* a power of two */
	size_t count;
	struct raw *newest;
	struct raw *oldest;
};

/* NULL: none of that name. */
struct raw *raw_find(const struct raws *set, const char *name, size_t length);

/* The one of that name, made if it is new. NULL without memory. */
struct raw *raw_make(struct raws *set, const char *name, size_t length);
void raw_remove(struct raws *set, struct raw *raw);

/* NULL: it is not known what the server has, if anything. */
void raw_set(struct raw *raw, struct statement *statement);

/* The same for a name of which the server may have nothing. */
void raws_forget(const struct raws *set, const char *name, size_t length);

/* Removes them all. */
void raws_clear(struct raws *set);

#endif
