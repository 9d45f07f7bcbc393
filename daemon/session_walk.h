/*
 * A walk along a worker's sessions that gives way to others now and then, during which sessions may come
 * and go. Each that is there all the time is met once, as long as none moves to another worker
 * meanwhile (see errand.h); of the others, some are.
 */
#ifndef MILLPOND_DAEMON_SESSION_WALK_H
#define MILLPOND_DAEMON_SESSION_WALK_H

#include <stddef.h>

struct session;
struct worker;

struct walk {
	struct worker *worker;
	struct walk *outer; /* another one that is under way in the same worker */
	struct session *next;
	size_t steps;
};

/* In the worker's thread, in a coroutine; a walk that has begun must go on to its end:
 *
 *	walk_begin(&walk, worker);
 *	while ((session = await_walk(&walk)) != NULL)
 *
 * The session may be used until the next await.
 */
void walk_begin(struct walk *walk, struct worker *worker);
struct session *await_walk(struct walk *walk);

/* Of the worker's: the session leaves. */
void walks_pass_over(struct worker *worker, const struct session *session);

/* Lets others have a turn once in a while: `steps` counts the calls. */
void await_give_way(struct worker *worker, size_t *steps);

#endif
