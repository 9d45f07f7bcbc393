/*
 * Replication clients: one to one with a server of their own, whose bytes nobody looks at.
 */
#ifndef MILLPOND_RELAY_REPLICATE_H
#define MILLPOND_RELAY_REPLICATE_H

#include <stdbool.h>

#include "pool/replication.h"
#include "protocol/failure.h"
#include "protocol/startup.h"

struct session;

/*
 * Whether a client asks for replication; `replication` then points into the packet. False: it does
 * not.
 */
bool replication_is_asked_for(const struct startup *startup, struct replication *replication);

/* Passes everything on in both directions until one side ends; false always, `why` says which. */
bool await_replicated(struct session *session, struct failure *why);

#endif
