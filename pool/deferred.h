/*
 * What has been decided under the lock of the pools, and is done when it is released: the lists in which
 * that waits. Whoever adds to them has the lock; whoever runs them has not.
 */
#ifndef MILLPOND_POOL_DEFERRED_H
#define MILLPOND_POOL_DEFERRED_H

#include <stdbool.h>
#include <stddef.h>

struct borrower;
struct pool_calls;
struct server;

struct deferred {
	struct borrower *first_answered; /* in the order in which they were */
	struct borrower **last_answered;
	struct server *dials;
	struct server *checks;
	struct server *retired;
};

/* Makes it empty; what it had is not touched. */
void deferred_clear(struct deferred *deferred);

static inline bool deferred_is_empty(const struct deferred *deferred)
{
	return deferred->first_answered == NULL && deferred->dials == NULL &&
	       deferred->checks == NULL && deferred->retired == NULL;
}

/* The borrower, which is in no queue any more, has its answer. */
void defer_answer(struct deferred *deferred, struct borrower *borrower);

/* The servers are those of the calls with these names, see pool.h. */
void defer_dial(struct deferred *deferred, struct server *server);
void defer_check(struct deferred *deferred, struct server *server);
void defer_retire(struct deferred *deferred, struct server *server);

/* Each borrower and server may be gone once its call has been made. */
void deferred_run(const struct deferred *deferred, const struct pool_calls *calls, void *context);

#endif
