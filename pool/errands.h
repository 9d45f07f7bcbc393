/*
 * What has been decided under the lock of the pools, and is done when it is released: the lists in which
 * that waits. Whoever adds to them has the lock; whoever runs them has not.
 */
#ifndef MILLPOND_POOL_ERRANDS_H
#define MILLPOND_POOL_ERRANDS_H

#include <stdbool.h>
#include <stddef.h>

struct borrower;
struct pool_calls;
struct server;

struct pool_errands {
	struct borrower *first_answered; /* in the order in which they were */
	struct borrower **last_answered;
	struct server *dials;
	struct server *checks;
	struct server *retired;
};

void errands_clear(struct pool_errands *errands);

static inline bool errands_are_none(const struct pool_errands *errands)
{
	return errands->first_answered == NULL && errands->dials == NULL &&
	       errands->checks == NULL && errands->retired == NULL;
}

/* The borrower, which is in no queue any more, has its answer. */
void errands_answer(struct pool_errands *errands, struct borrower *borrower);

/* The servers are those of the calls with these names, see pool.h. */
void errands_dial(struct pool_errands *errands, struct server *server);
void errands_check(struct pool_errands *errands, struct server *server);
void errands_retire(struct pool_errands *errands, struct server *server);

/* Each borrower and server may be gone once its call has been made. */
void errands_run(const struct pool_errands *errands, const struct pool_calls *calls, void *context);

#endif
