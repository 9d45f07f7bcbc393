#include "daemon/runtime/coroutine.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/runtime/loop.h"
#include "daemon/runtime/sanitizer.h"
#include "daemon/runtime/stack.h"

/* Lives at the top of its own stack, and stays there while the stack waits in the cache. */
struct coroutine {
	struct context context;
	struct loop *loop;
	struct coroutine *next; /* in the queue or the cache it is in */
	void (*run)(void *arg);
	void *arg;
	int failure;	    /* errno of the wait that just ended, 0: it was woken */
	bool waiting;	    /* in await_wake(), in no queue */
	bool woken;	    /* its wait has ended, and it has not run yet */
	bool cancelled;	    /* and not yet told so */
	bool ended;	    /* run() has returned */
	int64_t deadline;   /* of the present wait */
	int64_t timer_due;  /* when `timer` will fire; DEADLINE_NEVER: it is not set */
	struct event timer; /* set lazily: may fire early, never late */
	void *stack;
	struct sanitizer_fiber fiber;
};

#define COROUTINE_BYTES ((sizeof(struct coroutine) + 63) & ~(size_t)63)

/* So many ended coroutines are never worth giving back to the system. */
#define SPARES_TO_KEEP 16

/* --- queues ------------------------------------------------------------------------------- */

void coroutine_queue_init(struct coroutine_queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
}

static void queue_push(struct coroutine_queue *queue, struct coroutine *coroutine)
{
	coroutine->next = NULL;
	*queue->end = coroutine;
	queue->end = &coroutine->next;
}

static struct coroutine *queue_pop(struct coroutine_queue *queue)
{
	struct coroutine *coroutine = queue->first;
	if (coroutine == NULL)
		return NULL;
	queue->first = coroutine->next;
	if (queue->first == NULL)
		queue->end = &queue->first;
	return coroutine;
}

static void make_ready(struct coroutine *coroutine)
{
	queue_push(&coroutine->loop->ready, coroutine);
}

/* --- switching ---------------------------------------------------------------------------- */

static void switch_to_coroutine(struct loop *loop, struct coroutine *coroutine)
{
	loop->current = coroutine;
	sanitizer_enter(&coroutine->fiber, loop);
	context_switch(&loop->context, &coroutine->context);
	sanitizer_back_in_loop(loop);
	loop->current = NULL;
}

static void switch_to_loop(struct coroutine *coroutine)
{
	sanitizer_leave(&coroutine->fiber, coroutine->loop);
	context_switch(&coroutine->context, &coroutine->loop->context);
	sanitizer_entered(&coroutine->fiber, coroutine->loop);
}

/* A stack serves one coroutine after another: it waits here between two of them. */
static void coroutine_main(void *arg)
{
	struct coroutine *coroutine = arg;

	sanitizer_entered(&coroutine->fiber, coroutine->loop);
	for (;;) {
		coroutine->run(coroutine->arg);
		coroutine->ended = true;
		switch_to_loop(coroutine);
	}
}

/* --- making and keeping ------------------------------------------------------------------- */

static void timer_fired(evutil_socket_t fd, short what, void *arg);

static struct coroutine *coroutine_new(struct loop *loop)
{
	char *stack = stack_map();
	if (stack == NULL)
		return NULL;
	struct coroutine *coroutine =
		(struct coroutine *)(void *)(stack + STACK_SIZE_BYTES - COROUTINE_BYTES);
	memset(coroutine, 0, sizeof *coroutine);
	coroutine->loop = loop;
	coroutine->stack = stack;
	coroutine->timer_due = DEADLINE_NEVER;
	event_assign(&coroutine->timer, loop->base, -1, 0, timer_fired, coroutine);
	context_init(&coroutine->context, stack, STACK_SIZE_BYTES - COROUTINE_BYTES,
		     coroutine_main, coroutine);
	sanitizer_fiber_init(&coroutine->fiber, stack, STACK_SIZE_BYTES - COROUTINE_BYTES);
	return coroutine;
}

static void coroutine_free(struct coroutine *coroutine)
{
	struct loop *loop = coroutine->loop;

	event_del(&coroutine->timer);
	sanitizer_fiber_release(&coroutine->fiber);
	size_t depth = stack_high_water(coroutine->stack);
	if (depth > loop->deepest_bytes)
		loop->deepest_bytes = depth;
	stack_unmap(coroutine->stack);
}

static void coroutine_recycle(struct coroutine *coroutine)
{
	struct loop *loop = coroutine->loop;
	loop->running_count--;
	coroutine->next = loop->spare;
	loop->spare = coroutine;
	loop->spare_count++;
}

static void free_spares(struct loop *loop, size_t keep)
{
	while (loop->spare_count > keep) {
		struct coroutine *coroutine = loop->spare;
		loop->spare = coroutine->next;
		loop->spare_count--;
		coroutine_free(coroutine);
	}
}

void loop_trim(struct loop *loop)
{
	size_t needed = loop->running_peak - loop->running_count;
	free_spares(loop, needed > SPARES_TO_KEEP ? needed : SPARES_TO_KEEP);
	loop->running_peak = loop->running_count;
}

void coroutine_free_spares(struct loop *loop)
{
	assert(loop->running_count == 0);
	free_spares(loop, 0);
}

struct coroutine *coroutine_start(struct loop *loop, void (*run)(void *arg), void *arg)
{
	struct coroutine *coroutine = loop->spare;
	if (coroutine != NULL) {
		loop->spare = coroutine->next;
		loop->spare_count--;
	} else {
		coroutine = coroutine_new(loop);
		if (coroutine == NULL)
			return NULL;
	}
	if (++loop->running_count > loop->running_peak)
		loop->running_peak = loop->running_count;

	coroutine->run = run;
	coroutine->arg = arg;
	coroutine->ended = coroutine->cancelled = coroutine->waiting = coroutine->woken = false;
	make_ready(coroutine);
	return coroutine;
}

struct coroutine *coroutine_current(const struct loop *loop)
{
	return loop->current;
}

static void run_ready(struct loop *loop)
{
	struct coroutine *coroutine;

	while ((coroutine = queue_pop(&loop->ready)) != NULL) {
		switch_to_coroutine(loop, coroutine);
		if (coroutine->ended)
			coroutine_recycle(coroutine);
	}
}

/* Those that gave way have much to do: what the others have posted is not to wait for them. */
void coroutines_run(struct loop *loop)
{
	struct coroutine_queue gave_way = loop->yielded;

	coroutine_queue_init(&loop->yielded);
	run_ready(loop);
	if (gave_way.first == NULL)
		return;
	batch_send(loop);
	loop->time = 0;
	*loop->ready.end = gave_way.first;
	loop->ready.end = gave_way.end;
	run_ready(loop);
}

bool coroutines_are_ready(const struct loop *loop)
{
	return loop->ready.first != NULL || loop->yielded.first != NULL;
}

/* --- waiting ------------------------------------------------------------------------------ */

static void end_wait(struct coroutine *coroutine, int failure)
{
	coroutine->waiting = false;
	coroutine->woken = true;
	coroutine->failure = failure;
	make_ready(coroutine);
}

void coroutine_wake(struct coroutine *coroutine)
{
	if (coroutine->waiting)
		end_wait(coroutine, 0);
}

void coroutine_interrupt(struct coroutine *coroutine)
{
	if (coroutine->waiting)
		end_wait(coroutine, EINTR);
	else if (coroutine->woken && coroutine->failure == 0)
		coroutine->failure = EINTR;
}

void coroutine_cancel(struct coroutine *coroutine)
{
	if (coroutine->waiting)
		end_wait(coroutine, ECANCELED);
	else if (coroutine->woken)
		coroutine->failure = ECANCELED;
	else
		coroutine->cancelled = true;
}

/* False without memory for one more; errno says so. */
static bool set_timer(struct coroutine *coroutine, int64_t now)
{
	int64_t delay = coroutine->deadline > now ? coroutine->deadline - now : 0;
	struct timeval tv = {.tv_sec = delay / 1000000, .tv_usec = delay % 1000000};

	if (event_add(&coroutine->timer, &tv) != 0) {
		errno = ENOMEM;
		return false;
	}
	coroutine->timer_due = coroutine->deadline;
	return true;
}

/*
 * Most waits end before their deadline, and the next wait of the same stack has a later one. So a
 * timer stays set when its wait ends, and looks at the deadline only when it fires.
 */
static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct coroutine *coroutine = arg;

	coroutine->timer_due = DEADLINE_NEVER;
	if (!coroutine->waiting || coroutine->deadline == DEADLINE_NEVER)
		return;
	int64_t now = loop_now();
	if (coroutine->deadline <= now)
		end_wait(coroutine, ETIMEDOUT);
	else if (!set_timer(coroutine, now))
		end_wait(coroutine, ENOMEM);
}

bool coroutine_was_cancelled(struct coroutine *coroutine)
{
	if (!coroutine->cancelled)
		return false;
	coroutine->cancelled = false;
	errno = ECANCELED;
	return true;
}

bool await_wake(struct loop *loop, int64_t deadline)
{
	struct coroutine *coroutine = loop->current;
	assert(coroutine != NULL);

	if (coroutine_was_cancelled(coroutine))
		return false;
	coroutine->deadline = deadline;
	if (deadline < coroutine->timer_due && !set_timer(coroutine, loop_now()))
		return false;
	coroutine->waiting = true;
	switch_to_loop(coroutine);
	coroutine->woken = false;
	errno = coroutine->failure;
	return coroutine->failure == 0;
}

void await_surely(struct loop *loop, const bool *happened)
{
	bool is_cancelled = false;

	while (!*happened)
		if (!await_wake(loop, DEADLINE_NEVER) && errno == ECANCELED)
			is_cancelled = true;
	if (is_cancelled)
		coroutine_cancel(loop->current);
}

bool await_sleep(struct loop *loop, int64_t deadline)
{
	while (loop_now() < deadline) {
		if (await_wake(loop, deadline) || errno == ETIMEDOUT)
			continue;
		if (errno != ENOMEM)
			return false;
		await_turn(loop);
	}
	return true;
}

void await_turn(struct loop *loop)
{
	struct coroutine *coroutine = loop->current;

	queue_push(&loop->yielded, coroutine);
	switch_to_loop(coroutine);
}

bool await_others(struct loop *loop)
{
	await_turn(loop);
	return !coroutine_was_cancelled(loop->current);
}

bool await_others_until(struct loop *loop, int64_t deadline)
{
	if (loop_now() < deadline)
		return await_others(loop);
	errno = ETIMEDOUT;
	return false;
}

static void descriptor_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	coroutine_wake(arg);
}

bool await_descriptor(struct loop *loop, int fd, short what, int64_t deadline)
{
	struct event event;

	event_assign(&event, loop->base, fd, what, descriptor_ready, loop->current);
	if (event_add(&event, NULL) != 0)
		return false;
	bool ready = await_wake(loop, deadline);
	int failure = errno;
	event_del(&event);
	errno = failure;
	return ready;
}

/* --- gathering ---------------------------------------------------------------------------- */

struct gathering {
	struct coroutine *parent;
	size_t running;
	bool is_over; /* none is */
};

struct child {
	const struct task *task;
	struct gathering *gathering;
	struct coroutine *coroutine; /* NULL: has returned */
};

static void child_main(void *arg)
{
	struct child *child = arg;
	child->task->run(child->task->arg);
	child->coroutine = NULL;
	if (--child->gathering->running > 0)
		return;
	child->gathering->is_over = true;
	coroutine_wake(child->gathering->parent);
}

static void cancel_children(struct child *children, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (children[i].coroutine != NULL)
			coroutine_cancel(children[i].coroutine);
}

bool await_all(struct loop *loop, const struct task *tasks, size_t count, int64_t deadline)
{
	struct gathering gathering = {.parent = loop->current};
	struct child *children = calloc(count > 0 ? count : 1, sizeof *children);
	int failure = children == NULL ? ENOMEM : 0;

	for (size_t i = 0; i < count && failure == 0; i++) {
		children[i] = (struct child){.task = &tasks[i], .gathering = &gathering};
		children[i].coroutine = coroutine_start(loop, child_main, &children[i]);
		if (children[i].coroutine == NULL)
			failure = errno;
		else
			gathering.running++;
	}
	gathering.is_over = gathering.running == 0;
	while (failure == 0 && !gathering.is_over)
		failure = await_wake(loop, deadline) ? 0 : errno;
	if (failure != 0 && children != NULL)
		cancel_children(children, count);
	await_surely(loop, &gathering.is_over);
	free(children);
	errno = failure;
	return failure == 0;
}
