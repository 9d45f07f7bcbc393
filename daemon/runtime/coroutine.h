/*
 * Coroutines: functions that can wait without blocking their thread. Each runs on a stack of its
 * own, in one loop, until its function returns. A coroutine is only ever resumed by its loop, when
 * all callbacks of the turn have returned; waking it means putting it into the loop's queue. So when
 * a wait has failed, what was waited for may have come true all the same.
 *
 * Only functions named await_... or with a `deadline` parameter can switch to another coroutine.
 * They report time-outs and cancellation as ordinary failures: false, with errno ETIMEDOUT or
 * ECANCELED. A coroutine always ends by returning through its own cleanup.
 */
#ifndef MILLPOND_RUNTIME_COROUTINE_H
#define MILLPOND_RUNTIME_COROUTINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct coroutine;
struct coroutine_queue;

/*
 * Has run(arg) called as a coroutine, soon. Returns it, valid until run() returns, or NULL with
 * errno when there is no memory for a stack.
 */
struct coroutine *coroutine_start(struct loop *loop, void (*run)(void *arg), void *arg);

/* The coroutine that is running now. */
struct coroutine *coroutine_current(const struct loop *loop);

/* Ends the wait of a coroutine in await_wake(); no effect when it does not wait. */
void coroutine_wake(struct coroutine *coroutine);

/*
 * Makes the current or next wait of the coroutine fail, once, with ECANCELED; the current one even
 * if it has been woken already, but has not run yet. Waits after that one work again, so that its
 * cleanup can still wait.
 */
void coroutine_cancel(struct coroutine *coroutine);

/* Takes back a cancellation that was left to the next wait. True, with errno: there was one. */
bool coroutine_was_cancelled(struct coroutine *coroutine);

/* As coroutine_wake(), but the wait fails, with EINTR: what it waits for may have changed. */
void coroutine_interrupt(struct coroutine *coroutine);

/* Waits for coroutine_wake(). Without memory for its deadline it fails at once, with ENOMEM. */
bool await_wake(struct loop *loop, int64_t deadline);

/* Waits until it is woken and finds `*happened`, which is sure to come: a cancellation is left to the next
 * wait. */
void await_surely(struct loop *loop, const bool *happened);

/* Waits until the deadline, turn by turn if there is no memory for more; false only when cancelled. */
bool await_sleep(struct loop *loop, int64_t deadline);

/* Gives way once to all others that are ready, and to the sockets. */
void await_turn(struct loop *loop);

/* The same; false when cancelled, before or meanwhile. */
bool await_others(struct loop *loop);

/* The same, but after the deadline it fails: for whoever could go on for ever. */
bool await_others_until(struct loop *loop, int64_t deadline);

/* Waits until the file descriptor is ready for `what` (EV_READ, EV_WRITE). */
bool await_descriptor(struct loop *loop, int fd, short what, int64_t deadline);

struct task {
	void (*run)(void *arg);
	void *arg;
};

/*
 * Runs all tasks at once, each as a coroutine, and waits for the last to return. After a failure
 * (time, cancellation, no memory to start one) the others are cancelled, and still waited for; a
 * cancellation during that is left to the next wait.
 */
bool await_all(struct loop *loop, const struct task *tasks, size_t count, int64_t deadline);

/* For loop_run(): runs all that are ready until none is, at last those that gave way in the last turn. */
void coroutines_run(struct loop *loop);
bool coroutines_are_ready(const struct loop *loop);

/* For loop_init(): makes it empty. */
void coroutine_queue_init(struct coroutine_queue *queue);

/* For loop_release(): frees the stacks kept for reuse. No coroutine may be running. */
void coroutine_free_spares(struct loop *loop);

#endif
