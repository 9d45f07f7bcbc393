/*
 * A pool: the server connections of one (database, user) pair, and the clients that wait for one.
 * It decides who gets which connection, when one is made and when one is retired; it never waits,
 * reads no clock and touches no socket. Time comes as an argument, in microseconds; what is to be
 * done outside goes through `struct pool_calls`.
 *
 * Connections belong to the pool. pool_lend() lends one to a borrower, which gives it back with
 * pool_return() or, when it is broken, with pool_discard(); both take the pointer away.
 */
#ifndef MILLPOND_POOL_POOL_H
#define MILLPOND_POOL_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/settings.h"
#include "pool/server.h"
#include "pool/stats.h"
#include "protocol/failure.h"

struct pools;

/*
 * What a pool asks of the daemon. These are called in the middle of the pool's functions, so they
 * must do no more than start something, and not call back before they have returned.
 */
struct pool_calls {
	/* Connect all servers of a batch (linked by next_in_batch), at once; each ends in
	 * pool_dial_succeeded() or pool_dial_failed(). */
	void (*dial)(void *context, struct server *batch);
	/* Try the check query; ends in pool_check_ended(). */
	void (*check)(void *context, struct server *server);
	/* Take it down and server_free() it: the pool has forgotten it. */
	void (*retire)(void *context, struct server *server, const char *reason);
};

/* Somebody who wants a connection: a part of a session. In the pool's queue while it waits. */
struct borrower {
	struct borrower *next;
	struct borrower *previous;
	struct pool *pool;     /* in whose queue it stands, or NULL */
	struct server *server; /* the answer: lent to it ... */
	bool refused;	       /* ... or refused, see pool_refusal() */
	int64_t since;	       /* when it began to wait */
	void (*answered)(struct borrower *borrower);
};

struct server_list {
	struct server *first;
	struct server *last;
	size_t count;
};

struct pool {
	struct pools *pools;
	uint64_t id; /* from 1 */
	struct pool *next; /* in the registry's list */
	struct pool *next_in_bucket;
	char *database_name; /* as the client asked for it */
	char *user_name;     /* on the server */

	struct settings *settings; /* held; with `database` a part of it */
	const struct database *database; /* NULL: not in the settings any more */
	const struct user_settings *user;

	struct server_list servers[SERVER_STATES];
	struct borrower *first_waiting;
	struct borrower *last_waiting;
	size_t waiting_count;
	size_t client_count; /* sessions logged in */

	unsigned failures; /* logins failed in a row */
	atomic_uint next_host; /* of a list, see daemon/conninfo.h */
	int64_t retry_at;
	struct failure last_failure;
	bool paused;
	struct parameters *welcome; /* what the newest server reported: told to new clients */
	struct stats stats;
	struct stats period_start; /* snapshots for the averages */
	struct stats average;
};

/*
 * Lends a connection that rests, if there is one and nobody waits for it. NULL: pool_lend() would
 * have to wait, or refuse.
 */
struct server *pool_lend_idle(struct pool *pool, int64_t now);

/*
 * Lends a connection now, and answers it; or puts the borrower into the queue and answers NULL.
 * Then borrower->answered() is called once, from within another pool function, with `server` or
 * `refused` set, unless pool_leave() is called first. `refused` may be set at once.
 */
struct server *pool_lend(struct pool *pool, struct borrower *borrower, int64_t now);

/* The borrower gives up waiting. One that has just been answered keeps its answer. */
void pool_leave(struct borrower *borrower);

/* Why borrowers are refused, or, when servers fail to connect for the time being, why they wait.
 * False when there is nothing to say. */
bool pool_refusal(const struct pool *pool, struct failure *why);

/* Gives back a connection that is idle and owes nothing. */
void pool_return(struct server **server, int64_t now);

/* Gives up a connection, lent or not: it is retired for this reason. */
void pool_discard(struct server **server, const char *reason, int64_t now);

void pool_dial_succeeded(struct server *server, int64_t now);
void pool_dial_failed(struct server *server, const struct failure *why, int64_t now);
void pool_check_ended(struct server *server, bool good, int64_t now);

/* A cancel request that may hit the server is on its way; while it is, the server is not lent. */
void pool_cancel_begins(struct server *server);
void pool_cancel_ended(struct server *server, int64_t now);

/* A few times a second: lifetimes, idle limits, minimum size, the reserve, retries. */
void pool_tick(struct pool *pool, int64_t now);

/* Stops lending and closes what is idle; a pool is quiet when it has no server left. */
void pool_pause(struct pool *pool, int64_t now);
void pool_resume(struct pool *pool, int64_t now);

/* No server present will be lent again. */
void pool_reconnect(struct pool *pool, const char *reason, int64_t now);

/* Tells all that wait, and all that come, that they cannot be served any more. */
void pool_refuse_waiting(struct pool *pool);

size_t pool_server_count(const struct pool *pool);
/* Whether it has more servers than its size, out of the reserve. */
bool pool_is_into_reserve(const struct pool *pool);
enum pool_mode pool_mode(const struct pool *pool);

/* How long the first in the queue has waited. */
int64_t pool_longest_wait(const struct pool *pool, int64_t now);

#endif
