/*
 * The servers of a pool by their state: one list for each. A state changes here and nowhere else.
 */
#ifndef MILLPOND_POOL_ROSTER_H
#define MILLPOND_POOL_ROSTER_H

#include "pool/server.h"

/* Changes the state, if the table of moves allows it, and with it the list the server is in. */
void server_move(struct server *server, enum server_state state);

/* All servers of a pool, while none changes its state: the first behind NULL, the one behind another; NULL: no more. */
struct server *roster_next(const struct pool *pool, const struct server *behind);

#endif
