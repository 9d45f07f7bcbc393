/*
 * Where a session lives: in the list of its worker, from which it may be taken to that of another as
 * it comes to rest (see balance.h).
 */
#ifndef MILLPOND_DAEMON_RELOCATE_H
#define MILLPOND_DAEMON_RELOCATE_H

struct session;

/* Has the session begin in its worker, from any thread. It is woken there. */
void session_settle(struct session *session);

/* Takes it out of the list of its worker, in whose thread that is. */
void session_depart(struct session *session);

/* Takes a session at rest, without a coroutine, to another worker, if that is wanted: then it is no longer this
 * thread's. */
void session_relocate_if_wanted(struct session *session);

#endif
