/*
 * Bytes of a stream that wait: read but put back, or not sent yet. A stream at rest has none, and owns those that it
 * has.
 */
#ifndef MILLPOND_RUNTIME_CHUNK_H
#define MILLPOND_RUNTIME_CHUNK_H

#include <stdbool.h>
#include <stddef.h>

/*
 *	| taken |  start ... end  | room |
 */
struct chunk {
	size_t start;
	size_t end;
	size_t capacity;
	char bytes[];
};

/* Adds bytes behind those that wait, to a new chunk where there is none. False: no memory, and nothing has changed. */
bool chunk_append(struct chunk **chunk, const void *data, size_t length);

/* Frees it, if there is one, and nulls the pointer. */
void chunk_free(struct chunk **chunk);

#endif
