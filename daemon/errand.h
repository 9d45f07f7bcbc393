/*
 * Work for another worker: a coroutine waits for a function that runs in another worker's thread,
 * where it may touch what belongs to that worker. No loop is blocked meanwhile.
 */
#ifndef MILLPOND_DAEMON_ERRAND_H
#define MILLPOND_DAEMON_ERRAND_H

#include <stdbool.h>
#include <stddef.h>

struct worker;

/*
 * Has run(there, arg) called in a coroutine of `there`, and waits until it has returned; a
 * cancellation is left to the next wait. False without memory: nothing has been done.
 */
bool await_at(struct worker *here, struct worker *there,
	      void (*run)(struct worker *there, void *arg), void *arg);

/*
 * The same for all workers at once, with an element of `args` for each, `size` bytes apart. No
 * session moves from one to another while that is done, so each is met exactly once. False without
 * memory: some may have been done.
 */
bool await_everywhere(struct worker *here, void (*run)(struct worker *there, void *arg), void *args,
		      size_t size);

#endif
