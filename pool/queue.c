#include "pool/queue.h"

#include <stddef.h>

void queue_append(struct pool *pool, struct borrower *borrower)
{
	borrower->next = NULL;
	borrower->previous = pool->last_waiting;
	*(pool->last_waiting != NULL ? &pool->last_waiting->next : &pool->first_waiting) = borrower;
	pool->last_waiting = borrower;
	pool->waiting_count++;
	borrower->pool = pool;
}

void pool_leave(struct borrower *borrower)
{
	struct pool *pool = borrower->pool;
	if (pool == NULL)
		return;
	*(borrower->previous != NULL ? &borrower->previous->next : &pool->first_waiting) =
		borrower->next;
	*(borrower->next != NULL ? &borrower->next->previous : &pool->last_waiting) =
		borrower->previous;
	pool->waiting_count--;
	borrower->pool = NULL;
}
