/*
 * One connection to a PostgreSQL server: libpq makes it, in steps that never block, and then hands
 * over its socket. Which client has it is the pool's business; its bytes are the daemon's.
 *
 * The pool owns the struct; the daemon hangs its own part on `upstream` and is asked to take that
 * down before server_free().
 * Source: PostgreSQL manual, "Database Connection Control Functions" (libpq).
 */
#ifndef MILLPOND_POOL_SERVER_H
#define MILLPOND_POOL_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/failure.h"
#include "protocol/parameters.h"

struct direct;
struct pool;
struct pg_conn;

/* The names of SHOW SERVERS in their order; the table of moves is in roster.c. */
enum server_state {
	SERVER_LOGIN,	       /* being connected */
	SERVER_IDLE,	       /* at rest, for anybody */
	SERVER_TESTED,	       /* its check query is out, or it was taken aside */
	SERVER_ACTIVE,	       /* lent to a client */
	SERVER_BEING_CANCELED, /* returned, while a cancel request that may hit it is under way */
	SERVER_CLOSED,	       /* not the pool's any more */
	SERVER_STATES,
};

struct server {
	struct server *next; /* in the pool's list of its state */
	struct server *previous;
	struct server *next_here; /* of those that rest at the same worker */
	struct server *previous_here;
	struct server *next_in_batch; /* of those to be dialled, checked or retired together */
	struct pool *pool;
	enum server_state state;
	unsigned worker; /* its home: in whose loop its socket is, or will be at once */
	uint64_t id;
	struct pg_conn *connection; /* NULL before the first step ... */
	struct direct *direct;	    /* ... and for one that was made without libpq */
	void *upstream;		    /* the daemon's part */
	void *busy;		    /* the daemon's coroutine that logs it in or tries it, or NULL */

	int64_t connected_at; /* deadlines' clock; when the login was complete */
	int64_t lent_at;
	int64_t returned_at;
	unsigned cancels;  /* cancel requests under way that may hit it */
	atomic_bool close_needed; /* not to be lent again */
	uint32_t password_hash; /* of what its pool had when its login began; 0: it had none */
	bool is_outdone; /* more is known of its user than when its login began; see anew.h */
	const char *retire_reason; /* NULL: the pool has it still */

	struct parameters *origin;     /* what it reported after its login, to which RESET leads */
	struct parameters *base;       /* where its clients start: that, and what connect_query has set */
	struct parameters *reported;   /* what it reports now */
	struct parameters *applied;    /* the wishes that made the difference; NULL: not known */
	struct parameters *unreported; /* names that clients have set and that it does not report */
};

/* `worker` is its home. NULL without memory. */
struct server *server_new(struct pool *pool, uint64_t id, unsigned worker);

/* Closes the connection, if any. */
void server_free(struct server *server);

/* PostgreSQL's own name of what it takes for a client_encoding ("utf-8", "windows-1252"), or NULL. */
const char *server_encoding_name(const char *name);

enum server_step { STEP_READ, STEP_WRITE, STEP_DONE, STEP_FAILED };

/*
 * Begins to connect with libpq's keywords and values (both end with NULL); names must have been
 * resolved (hostaddr), since libpq would block to do so. Each step says for what to wait on
 * server_socket(), which may be another one after each step.
 *
 * libpq may take long for a step, and for the first: it reads files of passwords and certificates, asks a
 * Kerberos server, and computes what a password proves as often as the server likes. So another thread can
 * take them, to which the connection is lent meanwhile: the server has none until it is given, or never
 * again if it is closed.
 */
enum server_step connection_start(struct pg_conn **connection, const char *const *keywords,
				  const char *const *values);
enum server_step connection_step(struct pg_conn *connection);
void connection_close(struct pg_conn *connection);
struct pg_conn *server_lend_connection(struct server *server);
void server_give_back_connection(struct server *server, struct pg_conn *connection);

/*
 * Takes a connection that was logged in without libpq, and owns it; server_take_over() comes next, for
 * which server_note_base() has been told each parameter that the server reported.
 */
void server_adopt(struct server *server, struct direct **direct);
bool server_note_base(struct server *server, struct parameter_table *table, const char *name,
		      const char *value);

int server_socket(const struct server *server); /* -1: none yet */
void *server_ssl(const struct server *server);	/* OpenSSL's SSL; NULL: in the clear */

/* After STEP_FAILED: the server's or libpq's own reason, and its SQLSTATE where the server said it. */
void server_connect_failure(const struct server *server, struct failure *why);

/* Whether a server has refused, with an SQLSTATE that begins so. */
bool server_has_refused(const struct failure *why, const char *sqlstate);

/* Whether a failure is the server's considered answer, which will not change by itself. */
bool server_refusal_is_final(const struct failure *why);

/* Whether the server has said that it is starting up or shutting down. */
bool server_is_restarting(const struct failure *why);

/*
 * After STEP_DONE: reads the parameters that the server reported, and gives the socket up for
 * relaying. False when libpq has bytes that it cannot send, or there is no memory.
 */
bool server_take_over(struct server *server, struct parameter_table *table);

/* The host it is connected to, as the list has it; or NULL. */
const char *server_host(const struct server *server);

/* The port it is connected to; of a Unix socket, the number in its name. */
uint16_t server_port(const struct server *server);

/* The process id of its backend. */
int server_backend_pid(const struct server *server);

/* A cancel request for the connection, independent of its life: made here, sent in a thread that
 * may block, and freed. */
struct server_cancel;
struct server_cancel *server_cancel_new(const struct server *server);
bool server_cancel_send(struct server_cancel *cancel, char *error, size_t error_size);
void server_cancel_free(struct server_cancel *cancel);

/* Whether a server may report a parameter of that name: it may have only so many. */
bool server_may_report(const struct server *server, const char *name);

/* Notes a ParameterStatus. False without memory. */
bool server_note_parameter(struct server *server, const char *name, const char *value);

/*
 * Whether the server reports all that these wishes change. What it does not report is taken back when in
 * doubt; and until it has been set once, it is not known whether it can be.
 */
bool server_reports_change(const struct server *server, const struct parameters *wishes);

/* Notes which of these wishes, which have been set, it does not report. False without memory. */
bool server_note_tried(struct server *server, const struct parameters *wishes);

/* See parameters_write_change(). */
bool server_write_wishes(const struct server *server, const struct parameters *wishes,
			 struct writer *writer);

/* As SHOW SERVERS has it. */
const char *server_state_name(enum server_state state);

#endif
