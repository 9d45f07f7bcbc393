/*
 * A client and its conversation, from accept to close. While it is active a session runs as a
 * coroutine; at rest, outside a transaction and with nothing owed, it has no stack and is only
 * this struct. It holds at most one lent server.
 */
#ifndef MILLPOND_DAEMON_SESSION_H
#define MILLPOND_DAEMON_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/cancel.h"
#include "daemon/log.h"
#include "daemon/peer.h"
#include "daemon/runtime/loop.h"
#include "daemon/runtime/stream.h"
#include "pool/pool.h"
#include "protocol/failure.h"

struct auth_cache_entry;
struct client_statements;
struct coroutine;
struct extended;
struct queued;
struct upstream;
struct worker;

/* A session whose sockets are ready again and again lets the others have a turn. */
#define ROUNDS_IN_A_ROW 8

enum session_phase { SESSION_NEW, SESSION_LOGGED_IN, SESSION_CONSOLE };

struct session {
	struct stream client; /* first: its callback finds the session by it */
	struct session *next; /* of the worker's */
	struct session **previous_link;
	struct worker *worker;	     /* where it is; changes only at rest, under the keys' lock */
	struct loop_message message; /* carries it to another worker */
	uint32_t active_in_tick;     /* the tick of its worker in which it last had something to do */
	struct coroutine *coroutine; /* NULL: at rest */
	uint64_t id;
	struct peer peer;
	int64_t accepted_at;
	int64_t request_at; /* of the last request; 0: none yet */
	int64_t rests_since;
	size_t stray_bytes; /* of a late COPY message, still to be dropped */

	enum session_phase phase;

	/* On the console: */
	bool is_admin;
	bool skips_to_sync; /* an extended query has failed */
	bool is_in_block;   /* it believes that it has begun a transaction */
	bool is_asking;	    /* it has begun to say something, and waits for ReadyForQuery */
	struct extended *extended; /* its statements and portals, or NULL; see console_turn.h */

	bool has_key;
	bool has_quota;	 /* counted for its database and its user */
	bool is_present; /* counts for max_client_conn */
	bool in_reserve; /* has one of the descriptors kept for when there are no others; see session_start() */
	bool is_counted; /* among its pool's and the daemon's clients */
	bool is_ending;
	bool is_mid_turn; /* has a server and waits for one of the two to move */
	enum failure_kind killed; /* somebody wants it to end, for this reason */

	struct pool *pool; /* NULL before the login and on the console */
	struct pool_share *share; /* its worker's part of the pool */
	char *secrets[POOL_SECRETS]; /* during the login: what its pool can open servers with */
	struct auth_cache_entry *answer; /* of auth_query, by which it was judged; or NULL */
	char *database_name; /* as the client asked for it; NULL before it has */
	char *user_name;     /* likewise; with auth_type any, that of its database */
	/* What its last server's clients start with; before it had one, those of its pool. */
	struct parameters *start;
	struct parameters *wishes;	 /* parameters in which it differs from that ... */
	struct parameters *given;	 /* ... before a server spelled them: held so that they stay proven; or NULL */
	struct parameters *startup;	 /* the wishes that it came with, which RESET restores */
	struct client_statements *statements; /* NULL: it has never prepared one */
	struct upstream *upstream;	 /* the server lent to it */
	const struct queued *waiting;	 /* its place in the pool's queue */
	bool wait_cancelled;
	struct cancel_key cancel_key;
};

/*
 * Starts a session in that worker for an accepted socket, which it then owns; from any thread. `in_reserve`:
 * the descriptor is one of those for cancel requests and admins on the console, and anybody else is told that there
 * are no more. False without memory: the socket is still the caller's.
 */
bool session_start(struct worker *worker, int fd, const struct peer *peer, bool in_reserve);

/* Joins the pool of its database, as one of its clients, and leaves the one it is in. False without memory. */
bool session_join_pool(struct session *session, const struct database *database,
		       const struct replication *replication);

/* It does not count for max_client_conn. */
void session_uncount(struct session *session);

/* Something has come for a session at rest: gives it a coroutine. No effect on an active one. */
void session_wake(struct session *session);

/* The [users] entry of whoever has logged in, who need not be the user of its servers; or NULL. */
const struct user_settings *session_user(const struct session *session);

/* Ends the session, for that reason, wherever it is. */
void session_kill(struct session *session, enum failure_kind reason);

/* Why it is to end: what it was killed for, or else the other reason. */
static inline enum failure_kind session_end_reason(const struct session *session,
						   enum failure_kind otherwise)
{
	return session->killed != FAILURE_NONE ? session->killed : otherwise;
}

/* The client gives up its place in the queue: its request fails, and the session goes on. */
void session_cancel_wait(struct session *session);

/* Called a few times a second: sees to the limits of a session at rest. */
void session_tick(struct session *session, int64_t now);

__attribute__((format(printf, 3, 4))) void session_log(const struct session *session,
						       enum log_level level, const char *format,
						       ...);

#endif
