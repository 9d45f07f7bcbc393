#include "pool/queue.h"

#include <stddef.h>

#include "pool/pools.h"

/* How much later a borrower may have come and be served before another, if that saves a move. */
#define HOME_ADVANTAGE_US INT64_C(1000)

/* Others look at it without the lock, to guess. */
static void count(struct pool *pool, size_t waiting)
{
	if (pool->replication != NULL)
		pool->pools->replication_waiting_count += waiting - pool->waiting_count;
	__atomic_store_n(&pool->waiting_count, waiting, __ATOMIC_RELAXED);
	if (waiting == 0 && pool->is_held_up)
		queue_hold_up(pool, false);
}

void queue_hold_up(struct pool *pool, bool is_held_up)
{
	pool->pools->held_up_count += (size_t)is_held_up - (size_t)pool->is_held_up;
	pool->is_held_up = is_held_up;
}

void queue_append(struct pool *pool, struct borrower *borrower)
{
	struct pool_share *share = &pool->shares[borrower->worker];

	borrower->next = borrower->next_here = NULL;
	borrower->previous = pool->last_waiting;
	borrower->previous_here = share->last_waiting;
	*(pool->last_waiting != NULL ? &pool->last_waiting->next : &pool->first_waiting) = borrower;
	*(share->last_waiting != NULL ? &share->last_waiting->next_here :
					&share->first_waiting) = borrower;
	pool->last_waiting = share->last_waiting = borrower;
	count(pool, pool->waiting_count + 1);
	borrower->pool = pool;
}

bool queue_remove(struct borrower *borrower)
{
	struct pool *pool = borrower->pool;
	if (pool == NULL)
		return false;
	struct pool_share *share = &pool->shares[borrower->worker];

	*(borrower->previous != NULL ? &borrower->previous->next : &pool->first_waiting) =
		borrower->next;
	*(borrower->next != NULL ? &borrower->next->previous : &pool->last_waiting) =
		borrower->previous;
	*(borrower->previous_here != NULL ? &borrower->previous_here->next_here :
					    &share->first_waiting) = borrower->next_here;
	*(borrower->next_here != NULL ? &borrower->next_here->previous_here :
					&share->last_waiting) = borrower->previous_here;
	count(pool, pool->waiting_count - 1);
	borrower->pool = NULL;
	return true;
}

struct borrower *queue_next(const struct pool *pool, unsigned worker)
{
	struct borrower *first = pool->first_waiting;
	struct borrower *here = pool->shares[worker].first_waiting;

	return here != NULL && here->since - first->since <= HOME_ADVANTAGE_US ? here : first;
}
