/*
 * An event loop: libevent's, together with the coroutines that wait in it. One thread owns a loop
 * and everything that hangs on it; only loop_post() may be called from other threads.
 *
 * In each turn libevent calls back what is due, then the coroutines run that are ready for it, then
 * what they have posted is sent (see runtime/batch).
 *
 * A deadline, here and wherever a parameter has that name, is an absolute time of loop_now(), in
 * microseconds, so that nested calls share one budget.
 */
#ifndef MILLPOND_RUNTIME_LOOP_H
#define MILLPOND_RUNTIME_LOOP_H

#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/runtime/batch.h"
#include "daemon/runtime/context.h"
#include "daemon/runtime/turnstile.h"

#define DEADLINE_NEVER INT64_MAX

/* What sockets are read into; shared by all streams of the loop, since between two awaits only
 * one coroutine runs. */
#define SCRATCH_BYTES ((size_t)512 * 1024)

/* What runtime/tls gathers for one send(): some records of the greatest size. */
#define SEALED_BYTES ((size_t)9 * 16 * 1024)

struct coroutine;

struct coroutine_queue {
	struct coroutine *first;
	struct coroutine **end;
};

/* Something for a loop to do, posted by another thread: embedded in what it is about. */
struct loop_message {
	struct loop_message *next;
	void (*deliver)(struct loop_message *message);
};

/* What a message is embedded in. */
#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct loop {
	struct event_base *base;
	char *scratch;
	char *sealed; /* what is about to be sent, encrypted (see runtime/tls) */
	size_t sealed_length;

	struct coroutine *current; /* NULL while the loop itself runs */
	struct context context;	   /* of the loop itself */
	struct coroutine_queue ready;
	struct coroutine_queue yielded; /* not before the next turn */
	struct turnstile turnstile;
	struct batch batch;
	bool is_stopped;
	int64_t time; /* see loop_time(); 0: nobody has asked */

	struct coroutine *spare; /* ended ones, kept with their stacks */
	size_t spare_count;
	size_t running_count;
	size_t running_peak;   /* since the last loop_trim() */
	size_t deepest_bytes;  /* of all stacks given back; debug builds only */
	void *sanitizer_stack; /* of the thread itself, for AddressSanitizer */
	size_t sanitizer_size;
	void *sanitizer_fake;
	void *sanitizer_fiber; /* of the thread itself, for ThreadSanitizer */

	pthread_mutex_t inbox_lock;
	struct loop_message *inbox;
	struct loop_message **inbox_end;
	int inbox_fd;
	struct event *inbox_event;
};

/* False with errno when the system has no descriptors or memory left. */
bool loop_init(struct loop *loop);

/* No coroutine may be running any more. */
void loop_release(struct loop *loop);

/* Runs until loop_stop() is called, from within. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Monotonic time in microseconds. */
int64_t loop_now(void);

/* The deadline of what may take so long from now on; a limit of 0 is none. */
static inline int64_t deadline_after(int64_t limit_us)
{
	return limit_us > 0 ? loop_now() + limit_us : DEADLINE_NEVER;
}

/* loop_now(), but for coroutines read once a turn, and again after something was sent at once: for what is
 * asked many times a query. */
static inline int64_t loop_time(struct loop *loop)
{
	if (loop->current == NULL)
		return loop_now();
	if (loop->time == 0)
		loop->time = loop_now();
	return loop->time;
}

/* Frees the cached stacks that the busiest moment since the last call did not need. */
void loop_trim(struct loop *loop);

/* Has `message->deliver(message)` called in the loop's thread. Safe from any thread. */
void loop_post(struct loop *loop, struct loop_message *message);

#endif
