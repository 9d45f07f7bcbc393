/*
 * Helper threads for what can only block: a coroutine waits for a function that runs elsewhere.
 * Their number is bounded; what finds none free waits in line. There are several sets of them, so
 * that what asks a slow server stands in no other line than its own.
 */
#ifndef MILLPOND_DAEMON_OFFLOAD_H
#define MILLPOND_DAEMON_OFFLOAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/runtime/loop.h"

#define OFFLOAD_THREADS 4

/* ... and at most in a set whose jobs have lanes. */
#define OFFLOAD_THREADS_FOR_LANES 64

struct offload_job;

struct offload_line {
	struct offload_job *first;
	struct offload_job **end;
};

struct offload {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct offload_line held;  /* until there is a place in their lane */
	struct offload_line ready; /* for the next helper that is free */
	struct offload_line running;
	unsigned ready_count;
	unsigned idle_count;
	unsigned thread_limit;
	unsigned lane_limit;
	unsigned thread_count;
	pthread_t threads[OFFLOAD_THREADS_FOR_LANES];
	bool stopping;
};

void offload_init(struct offload *offload);

/* A set of up to OFFLOAD_THREADS_FOR_LANES helpers for jobs in lanes, each of which gets no more than `lane_limit`. */
void offload_init_for_lanes(struct offload *offload, unsigned thread_limit, unsigned lane_limit);

/*
 * Waits, blocking, for the jobs that are running, and forgets the others; nobody may wait for one of these. False:
 * one had not ended by that time of loop_now(), and the helpers are left behind, with the offload.
 */
bool offload_release(struct offload *offload, int64_t until_us);

/*
 * Has run(arg) called in a helper thread and waits until it has returned; that wait cannot be cut
 * short, so `run` must end by itself, and whoever is cancelled meanwhile finds out at its next wait. False
 * with errno when there is no thread to run it.
 */
bool await_offload(struct offload *offload, struct loop *loop, void (*run)(void *arg), void *arg);

/*
 * The same for what may take longer than anybody wants to wait: begins it for the current coroutine,
 * which is woken when it is done. The job owns `arg`, on the heap, until it has been parted with:
 * either the caller has it back then, or release(arg) is called as soon as nobody uses it any more, in
 * whatever thread. NULL with errno: it could not be begun, and `arg` is still the caller's.
 *
 * Jobs of the same lane are those that may hang together: they get no more than a few threads, so that
 * the others find some free. Those of lane 0 have nothing to do with each other.
 */
struct offload_job *offload_begin(struct offload *offload, struct loop *loop, uint32_t lane,
				  void (*run)(void *arg), void (*release)(void *arg), void *arg);

/* Whether a helper has taken it up. */
bool offload_has_begun(struct offload *offload, const struct offload_job *job);

/* In the loop's thread. */
bool offload_is_done(const struct offload_job *job);

/* Parts with the job. True: it was done, and `arg` is the caller's. */
bool await_offload_parted(struct offload *offload, struct offload_job *job);

/*
 * All of that for whoever has nothing else to look after meanwhile. True: it is done, and `arg` is the caller's again.
 * False with errno: it could not be begun, or the wait has failed as await_wake() does; `arg` is or will be released.
 */
bool await_offload_until(struct offload *offload, struct loop *loop, uint32_t lane,
			 void (*run)(void *arg), void (*release)(void *arg), void *arg,
			 int64_t deadline);

#endif
