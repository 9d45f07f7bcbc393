/*
 * What the pools ask of the daemon: making server connections, trying them, taking them down. Each
 * login is a coroutine; those of one batch run at the same time.
 */
#ifndef MILLPOND_SERVER_DIAL_H
#define MILLPOND_SERVER_DIAL_H

#include "pool/pool.h"

struct worker;

/* The context of these calls is the array of workers; each is done by the server's home. */
extern const struct pool_calls dial_calls;

/* Before the first call: where what comes from other threads is taken up. */
void dial_open_inbox(struct worker *worker);

/* Cuts short the logins and checks that are under way in this worker. */
void dial_cancel_all(struct worker *worker);

/* Tries again what could not be started for lack of memory. */
void dial_again(struct worker *worker);

#endif
