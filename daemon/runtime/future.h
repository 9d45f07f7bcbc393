/*
 * What a coroutine waits for and somebody else brings, mostly another thread: embedded in what it is
 * about. Whoever may give up waits with await_wake() while it is not done, and sees to it that nobody
 * posts it any more, or waits for it after all.
 */
#ifndef MILLPOND_RUNTIME_FUTURE_H
#define MILLPOND_RUNTIME_FUTURE_H

#include <stdbool.h>

#include "daemon/runtime/loop.h"

struct coroutine;

struct future {
	struct loop_message message; /* free for other use until it is posted */
	struct loop *loop;
	struct coroutine *waiter;
	bool is_done; /* known in the loop's thread */
};

/* One for which the running coroutine will wait. */
static inline struct future future_in(struct loop *loop)
{
	return (struct future){.loop = loop, .waiter = loop->current};
}

/* It is done, and its waiter is woken; in the loop's thread. */
void future_complete(struct future *future);

/* The same from any thread, in the next turn of the loop. It may be gone before this returns. */
void future_post(struct future *future);

/* Waits until it is done, which it surely will be: see await_surely(). */
void await_future(struct future *future);

#endif
