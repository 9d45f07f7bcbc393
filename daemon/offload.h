/*
 * Helper threads for what can only block: a coroutine waits for a function that runs elsewhere.
 * Their number is bounded; what finds none free waits in line.
 */
#ifndef MILLPOND_DAEMON_OFFLOAD_H
#define MILLPOND_DAEMON_OFFLOAD_H

#include <pthread.h>
#include <stdbool.h>

#include "daemon/runtime/loop.h"

#define OFFLOAD_THREADS 4

struct offload_job;

struct offload {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct offload_job *first;
	struct offload_job **end;
	unsigned queued_count;
	unsigned idle_count;
	unsigned thread_count;
	pthread_t threads[OFFLOAD_THREADS];
	bool stopping;
};

void offload_init(struct offload *offload);

/* Waits for the jobs that are running, and forgets the others. */
void offload_release(struct offload *offload);

/*
 * Has run(arg) called in a helper thread and waits until it has returned; that wait cannot be cut
 * short, so `run` must end by itself. False with errno when there is no thread to run it.
 */
bool await_offload(struct offload *offload, struct loop *loop, void (*run)(void *arg), void *arg);

#endif
