/*
 * The queue of a pool: borrowers in the order in which they came. They leave it by pool_leave().
 */
#ifndef MILLPOND_POOL_QUEUE_H
#define MILLPOND_POOL_QUEUE_H

#include "pool/pool.h"

void queue_append(struct pool *pool, struct borrower *borrower);

#endif
