/*
 * The queue of a pool: borrowers in the order in which they came, all together and those of each
 * worker. Whoever calls has the lock.
 */
#ifndef MILLPOND_POOL_QUEUE_H
#define MILLPOND_POOL_QUEUE_H

#include <stdbool.h>

#include "pool/pool.h"

void queue_append(struct pool *pool, struct borrower *borrower);

/* False: it stood in no queue. */
bool queue_remove(struct borrower *borrower);

/* Whether its clients wait for room under a limit that spans pools; an empty queue does not. */
void queue_hold_up(struct pool *pool, bool is_held_up);

/* Who is to have a server whose home is that worker: the first, or for the sake of its home one who
 * came hardly later. NULL: nobody waits. */
struct borrower *queue_next(const struct pool *pool, unsigned worker);

#endif
