/*
 * One message of a client's that must be whole before it can be passed on, and is too long for the
 * scratch buffer: its pieces are gathered here.
 */
#ifndef MILLPOND_RELAY_GATHER_H
#define MILLPOND_RELAY_GATHER_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/writer.h"

/* So much of it is looked at first: that may tell that it can be passed on in pieces. */
#define GATHERED_AFTER_BYTES ((size_t)16 * 1024)

struct gather {
	struct writer bytes;
	size_t missing; /* so many are still to come */
};

/* Begins with what is there of a message, if that is one for it. False: it is not, or no memory. */
bool gather_begin(struct gather *gather, const char *data, size_t length);

/* Takes what belongs to the message; answers how much of the data that is. The memory may fail, see
 * gather->bytes.failed. */
size_t gather_take(struct gather *gather, const char *data, size_t length);

static inline bool gather_is_open(const struct gather *gather)
{
	return gather->missing > 0;
}

/* The message is whole, and has not been passed on yet. */
static inline bool gather_is_done(const struct gather *gather)
{
	return gather->missing == 0 && gather->bytes.length > 0;
}

#endif
