/*
 * Carries one conversation between a client and the server lent to it, in both directions at once,
 * until the server is idle and owes nothing.
 */
#ifndef MILLPOND_RELAY_RELAY_H
#define MILLPOND_RELAY_RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/failure.h"
#include "protocol/writer.h"

struct session;

/*
 * `data` is what the client has said so far, in the scratch buffer; more is read as it comes.
 * `prefix`, if not NULL, is a query of the pooler's own that goes in front of it, in the same send.
 *
 * True: the server is idle. False: the session has to end, `why` says so, and the server is in
 * whatever state it is in.
 */
bool await_relay(struct session *session, const char *data, size_t length,
		 const struct writer *prefix, struct failure *why);

#endif
