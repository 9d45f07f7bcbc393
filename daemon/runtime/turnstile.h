/*
 * Those of a loop who have much to compute pass one after the other, in the order in which they came,
 * and only so many in each turn: however many come at once, everybody else has his turns in between.
 * Embedded in the loop.
 */
#ifndef MILLPOND_RUNTIME_TURNSTILE_H
#define MILLPOND_RUNTIME_TURNSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct turnstile_waiter;

struct turnstile {
	struct turnstile_waiter *first;
	struct turnstile_waiter **end;
	int64_t used_us; /* by those who have passed in this turn */
};

void turnstile_init(struct turnstile *turnstile);

/* Waits only while others do, or this turn is used up. False as await_wake(), or after the deadline. */
bool await_turnstile(struct loop *loop, int64_t deadline);

/* The same with what somebody has read, which stands in the loop's scratch buffer afterwards. Also without memory. */
bool await_turnstile_with(struct loop *loop, const char *data, size_t length, int64_t deadline);

/* Counts what has been computed since `begun_at`, whether or not in front of it there was any wait. */
void turnstile_count(struct loop *loop, int64_t begun_at);

#endif
