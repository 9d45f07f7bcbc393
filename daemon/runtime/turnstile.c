#include "daemon/runtime/turnstile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"

/* One more may go beyond it: a signature by a large key takes some milliseconds. */
#define US_IN_A_TURN INT64_C(2000)

/* On the stack of the one that waits. */
struct turnstile_waiter {
	struct coroutine *coroutine;
	struct turnstile_waiter *next;
};

void turnstile_init(struct turnstile *turnstile)
{
	*turnstile = (struct turnstile){.end = &turnstile->first};
}

/* The next one goes on in the same turn, if there is anything left of it. */
static void leave(struct turnstile *turnstile, const struct turnstile_waiter *waiter)
{
	struct turnstile_waiter **link = &turnstile->first;
	bool was_first = *link == waiter;

	while (*link != waiter)
		link = &(*link)->next;
	*link = waiter->next;
	if (waiter->next == NULL)
		turnstile->end = link;
	if (was_first && turnstile->first != NULL)
		coroutine_wake(turnstile->first->coroutine);
}

/* The first one watches the turns, the others sleep. */
static bool await_passage(struct loop *loop, const struct turnstile_waiter *waiter,
			  int64_t deadline)
{
	const struct turnstile *turnstile = &loop->turnstile;

	while (turnstile->first != waiter)
		if (!await_wake(loop, deadline) && errno != EINTR)
			return false;
	while (turnstile->used_us >= US_IN_A_TURN)
		if (!await_others_until(loop, deadline))
			return false;
	return true;
}

bool await_turnstile(struct loop *loop, int64_t deadline)
{
	struct turnstile *turnstile = &loop->turnstile;
	struct turnstile_waiter waiter = {.coroutine = loop->current};

	if (turnstile->first == NULL && turnstile->used_us < US_IN_A_TURN)
		return true;
	*turnstile->end = &waiter;
	turnstile->end = &waiter.next;
	bool passes = await_passage(loop, &waiter, deadline);
	int why = errno;
	leave(turnstile, &waiter);
	errno = why;
	return passes;
}

bool await_turnstile_with(struct loop *loop, const char *data, size_t length, int64_t deadline)
{
	char *aside = malloc(length);

	if (aside == NULL) {
		errno = ENOMEM;
		return false;
	}
	memcpy(aside, data, length);
	bool passes = await_turnstile(loop, deadline);
	int why = errno;
	memcpy(loop->scratch, aside, length);
	free(aside);
	errno = why;
	return passes;
}

void turnstile_count(struct loop *loop, int64_t begun_at)
{
	loop->turnstile.used_us += loop_now() - begun_at;
}
