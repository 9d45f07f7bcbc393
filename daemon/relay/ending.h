/*
 * The last message of a client while it has a server: a goodbye, or one that may not be. What stands in
 * front of it is executed and answered, as by a server; what follows is nobody's.
 */
#ifndef MILLPOND_RELAY_ENDING_H
#define MILLPOND_RELAY_ENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/failure.h"

struct message;
struct settings;

struct ending {
	size_t max_bytes;     /* of a message */
	bool refuses_queries; /* of the simple protocol */
	enum failure_kind kind; /* why it is the last; FAILURE_NONE: it has not come */
	int letter;
	int64_t at; /* when it was seen */
};

void ending_init(struct ending *ending, const struct settings *settings);

/* Whether a message is the last one; `in_copy`: the server waits for the data of a COPY. */
bool ending_look(struct ending *ending, const struct message *message, bool in_copy);

/* The earlier of `limit` and the end of the grace for what stands in front of the last message; if it is
 * the latter, `*kind` is why that message is the last. */
int64_t ending_limit(const struct ending *ending, int64_t limit, enum failure_kind *kind);

#endif
