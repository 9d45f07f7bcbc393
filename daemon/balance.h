/*
 * Which worker does what: few of them at low load, where it is cheapest if one loop is woken for several
 * events at once, and all at high load. New clients go to the first worker that has room; one that is
 * overloaded, while a processor is free, gives sessions away as they come to rest; and when there is
 * little to do they come together again.
 */
#ifndef MILLPOND_DAEMON_BALANCE_H
#define MILLPOND_DAEMON_BALANCE_H

#include <stdbool.h>

struct session;
struct worker;

/* Where a new client goes. In the main thread. */
struct worker *balance_place(struct worker *first);

#define BALANCE_PERIOD_US 250000

/* Once in each period, in the main thread: measures all workers, and asks some to give sessions away. */
void balance_measure(struct worker *first);

/* Called a few times a second in each worker. */
void balance_tick(struct worker *worker);

/* A session has something to do. */
void balance_note(struct session *session);

/* Whether sessions are to be given away at all. */
bool balance_sheds(const struct worker *worker);

/* Where a session that has come to rest shall go, or NULL: it stays. */
struct worker *balance_wants_away(struct worker *worker);

/* Between these two no session moves. From any thread; may be nested. */
void balance_hold(struct worker *worker);
void balance_release_hold(struct worker *worker);

#endif
