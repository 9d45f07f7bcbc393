/*
 * SUSPEND: everything holds still. No client is accepted, and none is read any more; once all of them
 * have got what was on its way, and none waits for a server or to be let in, no server in use is read
 * either. Whoever does not get there within suspend_timeout is sent away. RESUME ends it. The console
 * goes on all the time; when nobody is left there who could RESUME, that is done.
 *
 * The process decides in the main thread; each worker holds its own sessions.
 */
#ifndef MILLPOND_DAEMON_SUSPEND_H
#define MILLPOND_DAEMON_SUSPEND_H

#include <stdbool.h>

struct daemon;
struct session;
struct worker;

enum suspension {
	NOT_SUSPENDED,
	SUSPENDING, /* clients are not read; servers are, so that transactions come to their ends */
	SUSPENDED,  /* nothing is */
};

/* In the main thread: begins, or ends if it has begun. False without memory. */
bool suspend_begin(struct daemon *daemon);
void suspend_end(struct daemon *daemon);

/* In the main thread, now and then: does RESUME when the last admin has left. */
void suspend_tick(struct daemon *daemon);

/* From any thread: how far it has come. */
enum suspension suspend_state(const struct daemon *daemon);

/* Prepares a worker to be told. */
void suspend_init_worker(struct worker *worker);

/* Whether what comes for that session is left where it is. */
bool suspend_holds(const struct session *session);

#endif
