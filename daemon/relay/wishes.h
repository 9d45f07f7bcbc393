/*
 * How a server that has another client comes to have what that one wishes: see parameters.h.
 */
#ifndef MILLPOND_RELAY_WISHES_H
#define MILLPOND_RELAY_WISHES_H

#include <stdbool.h>

struct failure;
struct session;
struct writer;

/*
 * Tells the server what its new client wishes. What no server of the pool has accepted yet, and what this
 * one does not report, is told first and by itself, so that no query runs without it. The rest goes in front of
 * the client's own bytes, as `prefix`: should this server refuse what another has accepted, or be
 * interrupted, the client is cut off with that error, but the query behind it has run.
 * `*unfit`: it has failed by what others have set there, which the server does not take back.
 */
bool await_wishes(struct session *session, struct writer *prefix, bool *unfit, struct failure *why);

#endif
