/*
 * A pool: the server connections of one (database, user) pair, and the clients that wait for one.
 * It decides who gets which connection, when one is made and when one is retired; it never waits,
 * reads no clock and touches no socket. Time comes as an argument, in microseconds; what is to be
 * done outside goes through `struct pool_calls`.
 *
 * Connections belong to the pool. pool_lend() lends one to a borrower, which gives it back with
 * pool_return() or, when it is broken, with pool_discard(); both take the pointer away.
 *
 * Pools are shared by the workers, which have numbers from 0. Each function here takes the lock of
 * all pools for as long as it decides, and calls out when it has let go of it. A server has a home,
 * the worker in whose loop its socket is; it is lent at home if it can be, and otherwise moves.
 */
#ifndef MILLPOND_POOL_POOL_H
#define MILLPOND_POOL_POOL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/settings.h"
#include "pool/replication.h"
#include "pool/server.h"
#include "pool/stats.h"
#include "protocol/failure.h"
#include "protocol/hash_table.h"
#include "protocol/scram.h"

struct pools;

/*
 * What a pool asks of the daemon, in the thread that has made it ask, which need not be that of the
 * worker whose number the server has. These are called at the end of the pool's functions, and must
 * do no more than start something.
 */
struct pool_calls {
	/* Connect all servers of a batch (linked by next_in_batch, of one worker), at once; each
	 * ends in pool_dial_succeeded() or pool_dial_failed(). */
	void (*dial)(void *context, struct server *batch);
	/* Try the check query; ends in pool_check_ended(). */
	void (*check)(void *context, struct server *server);
	/* Take it down and server_free() it: the pool has forgotten it. */
	void (*retire)(void *context, struct server *server);
};

/* Somebody who wants a connection: a part of a session. In the pool's queue while it waits. */
struct borrower {
	struct borrower *next;
	struct borrower *previous;
	struct borrower *next_here; /* of the same worker */
	struct borrower *previous_here;
	unsigned worker;       /* where it is; set by the borrower */
	bool is_let_in;	       /* no client that only logs in; set by the borrower */
	struct pool *pool;     /* in whose queue it stands, or NULL */
	struct server *server; /* the answer: lent to it ... */
	unsigned came_from;    /* ... the worker in whose loop the server still is ... */
	bool refused;	       /* ... or refused, see pool_refusal() */
	int64_t since;	       /* when it began to wait */
	void (*answered)(struct borrower *borrower);
};

struct server_list {
	struct server *first;
	struct server *last;
	size_t count;
};

/*
 * A worker's part of a pool. The first half is that worker's own, read and written without the lock
 * (other threads may read the counters, and count wait_time under the lock); the second is under the lock
 * like the rest of the pool.
 */
struct pool_share {
	_Alignas(64) struct settings *settings; /* held: those that the worker goes by, with ... */
	const struct database *database;	/* NULL: not in the settings any more */
	const struct user_settings *user;
	bool is_superseded; /* its clients are another user by now, whose pool they go over to */
	struct stats stats;

	_Alignas(64) struct borrower *first_waiting;
	struct borrower *last_waiting;
	struct server *first_idle;
};

/* What opens servers to the user of a pool, as its clients have brought it along. */
enum pool_secret {
	POOL_PASSWORD, /* that one of them was let in with, by PAM or LDAP */
	POOL_ANSWER,   /* what auth_query has said of one: a password, or what stands for it */
	POOL_SECRETS
};

struct pool {
	struct hash_link link; /* by its names */
	struct pools *pools;
	uint64_t id; /* from 1 */
	struct pool *next; /* in the registry's list */
	char *database_name; /* as the client asked for it */
	char *user_name;     /* on the server */
	bool is_private;     /* no client ever gets a server of it */
	bool is_forced;	     /* the user is that of the entry, and not of the clients */
	bool is_removed; /* its entry is gone, or forces no user any more: whoever comes has another pool */
	bool is_unannounced; /* the first of a database that "*" stands for; nobody has been told */
	struct replication *replication; /* of the clients of this pool; NULL: none */

	struct settings *settings; /* held; with `database` a part of it */
	const struct database *database; /* NULL: not in the settings any more, or removed from them once */
	const struct user_settings *user;
	bool is_superseded; /* as of a share */

	struct server_list servers[SERVER_STATES];
	size_t retiring; /* servers that are not counted any more, but still to be taken down */
	struct borrower *first_waiting;
	struct borrower *last_waiting;
	size_t waiting_count;
	size_t client_count; /* sessions logged in */
	char *secrets[POOL_SECRETS]; /* see pool_exchange_secrets(); NULL: none */

	int64_t unused_since; /* nobody is or waits in it; 0: somebody does */
	unsigned failures; /* logins failed in a row */
	int64_t anew_since; /* the period of anew.h, and how often it was tried anew in it */
	unsigned anew_count;
	uint32_t failed_hash; /* the last one's password_hash */
	unsigned char needed_key[SCRAM_KEY_BYTES]; /* StoredKey of the last login that needed a ClientKey; zeros: none has */
	atomic_uint creations; /* as pools->alterations, of what may be temporary tables */
	atomic_uint next_host; /* of a list, see daemon/server/conninfo.h */
	int64_t retry_at;
	struct failure last_failure;
	bool takes_over; /* the places of servers that were closed, whose backends may not have ended yet */
	bool paused;
	bool is_held_up; /* somebody waits, and nothing but a limit that spans pools allows no server more */
	struct parameters *welcome; /* what the newest server reported: told to new clients */
	struct stats_past past;
	struct pool_share *shares; /* one for each worker */
};

/* --- what borrowers call ------------------------------------------------------------------ */

/*
 * Lends a connection that rests at home with that worker, if there is one and nobody waits for it.
 * NULL: pool_lend() would have to wait, or refuse.
 */
struct server *pool_lend_idle(struct pool *pool, unsigned worker, int64_t now);

/*
 * Lends a connection now, or refuses one: true, with `server` or `refused` set. False: the borrower is
 * in the queue. Then borrower->answered() is called once, from within a pool function in any thread,
 * when that has been decided, unless pool_leave() is called first; until then what the answer is
 * belongs to the pool. A server that came from another worker has the borrower's from now on, but
 * its socket has still to move.
 */
bool pool_lend(struct pool *pool, struct borrower *borrower, int64_t now);

/* The borrower gives up waiting. False: it has been answered already, and is told so as always. */
bool pool_leave(struct pool *pool, struct borrower *borrower);

/* Gives back a connection that is idle and owes nothing. */
void pool_return(struct server **server, int64_t now);

/* Gives up a connection, lent or not: it is retired for this reason. */
void pool_discard(struct server **server, const char *reason, int64_t now);

/* Why borrowers are refused, or, when servers fail to connect for the time being, why they wait.
 * False when there is nothing to say. */
bool pool_refusal(struct pool *pool, struct failure *why);

/* Whether a request would find a server; only a guess, as it may be gone in a moment. */
bool pool_seems_free(const struct pool *pool);

/* --- servers that are busy with something else -------------------------------------------- */

/*
 * Takes a resting server aside for a moment, to read what it has said of its own accord. False: it
 * does not rest. Ends with pool_put_back() or pool_discard().
 */
bool pool_take_aside(struct server *server);

/* Gives back a connection that was taken aside, or lent and not used. */
void pool_put_back(struct server *server, int64_t now);

/* A cancel request that may hit the server is on its way; while it is, the server is not lent. */
void pool_cancel_begins(struct server *server);
void pool_cancel_ended(struct server *server, int64_t now);

/* Whether the server has been returned, and waits only for its cancel requests to end. */
bool pool_waits_for_cancel(struct server *server);

/* How the calls of `struct pool_calls` end. */
void pool_dial_succeeded(struct server *server, int64_t now);
void pool_dial_failed(struct server *server, const struct failure *why, int64_t now);
void pool_check_ended(struct server *server, bool good, int64_t now);

/* --- the pool as a whole ------------------------------------------------------------------ */

/* A server that was retired has been taken down, and does not need its pool any more. */
void pool_server_gone(struct pool *pool);

/* Whether this is the first pool of a database that "*" stands for; true once. */
bool pool_is_news(struct pool *pool);

/*
 * The pool keeps what a client of it brings along (any of it may be NULL), and the caller gets in exchange what
 * it had, to wipe. With its last client it forgets it. A password with which no login has failed is tried at once.
 * A copy opens servers, and is the caller's to wipe.
 */
void pool_exchange_secrets(struct pool *pool, char *secrets[POOL_SECRETS], int64_t now);
char *pool_copy_secret(const struct pool *pool, enum pool_secret kind);

/* One client less; one more is pools_join(). */
void pool_client_leaves(struct pool *pool);

/* --- looking ------------------------------------------------------------------------------ */

/* The settings that the pool goes by, held: to be dropped; `database` is their entry, or NULL. */
struct settings *pool_settings(struct pool *pool, const struct database **database);

/* What the newest server reported, held: to be dropped. */
struct parameters *pool_welcome(struct pool *pool);

/* A limit on servers that spans pools, when it is full. */
enum pool_cap_kind { CAP_NONE, CAP_OF_DATABASE, CAP_OF_USER };
struct pool_cap {
	enum pool_cap_kind kind;
	size_t count; /* of servers that count for it */
	size_t most;
};

/* How things are at the moment. */
struct pool_numbers {
	size_t active;	     /* servers in use */
	size_t waiting;	     /* clients in the queue */
	struct pool_cap cap; /* that holds them up */
	bool paused;
	unsigned failures; /* logins that failed in a row ... */
	int64_t retry_at;  /* ... and when the next is due */
};
struct pool_numbers pool_numbers(struct pool *pool);

/* Whether it has more servers than its size, out of the reserve. */
bool pool_is_into_reserve(struct pool *pool);

/* The sum of the counters of all workers. */
void pool_stats(const struct pool *pool, struct stats *sum);

/* The mode by the settings that the worker goes by. */
enum pool_mode pool_share_mode(const struct pool_share *share);

/* Whether a client keeps its server for what it has there beyond a transaction: pin_clients. Not where
 * server_reset_query_always takes everything back. */
bool pool_share_pins_clients(const struct pool_share *share);

/* Whether what a client SETs follows it, also what no server reports: track_session_parameters. */
bool pool_share_tracks_sets(const struct pool_share *share);

/* --- for those who hold the lock (pools_lock) --------------------------------------------- */

/* Its servers in all states, those being connected among them. */
size_t pool_server_count(const struct pool *pool);

/* The mode by the settings in force. */
enum pool_mode pool_mode(const struct pool *pool);

/* Whether a server that rests has rested for so long that it is tried before it is lent. */
bool pool_is_stale(const struct server *server, int64_t now);

/* How long the first in the queue has waited. */
int64_t pool_longest_wait(const struct pool *pool, int64_t now);

#endif
