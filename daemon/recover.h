/*
 * Brings a server back to rest after its client has left it: in the middle of a query, inside a
 * transaction, or simply at the end of a session.
 */
#ifndef MILLPOND_DAEMON_RECOVER_H
#define MILLPOND_DAEMON_RECOVER_H

#include <stdbool.h>

struct upstream;

/*
 * Takes the upstream from its session and gives it back to its pool, or has it retired for a
 * reason. What still runs is cancelled, what is open is rolled back; `reset` asks for the
 * server_reset_query. `broken`: why it can be of no more use, or NULL.
 */
void await_give_back(struct upstream *upstream, const char *broken, bool reset);

#endif
