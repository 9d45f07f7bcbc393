/*
 * How a session comes by a server: from the pool, at once or after a wait in its queue; and whether it gives it back
 * when a transaction is over.
 */
#ifndef MILLPOND_DAEMON_BORROW_H
#define MILLPOND_DAEMON_BORROW_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/failure.h"

struct queued;
struct session;

/* Lends the session a server now, as session->upstream. False: it would have to wait. */
bool borrow_now(struct session *session);

/*
 * Until when a session may wait: both the wait for a server and the query as a whole have a limit. `late`
 * is the failure when it is reached.
 */
int64_t borrow_deadline(const struct session *session, enum failure_kind *late);

/* The same in a login, which has a deadline of its own. */
int64_t borrow_deadline_in_login(const struct session *session, int64_t login_deadline,
				 enum failure_kind *late);

/*
 * Waits in the pool's queue. False: no server, `why` says so; FAILURE_CANCELED when only the
 * request was given up. What the client sends meanwhile stays in its socket. At `deadline`, the
 * failure is `late`.
 */
bool await_borrow(struct session *session, enum failure_kind late, struct failure *why,
		  int64_t deadline);

/* Waits likewise until a server could be had, and leaves it to others, as if it had not been lent. */
bool await_server_is_there(struct session *session, enum failure_kind late, struct failure *why,
			   int64_t deadline);

/*
 * A transaction is over: the session's server is for others again, unless the client needs just this one. False: the
 * conversation has failed.
 */
bool await_returned(struct session *session, struct failure *why);

/* Whether a session at rest has to see if it still needs its server, by await_returned(). Not yet: its worker looks
 * again. */
bool return_is_due(const struct session *session);

#define PIN_TEXT_BYTES 192

/* Writes for what a session keeps its server beyond a transaction: "advisory locks, temporary tables". False: it
 * does not, or its pool lends servers to whole sessions. */
bool pin_describe(const struct session *session, char reason[PIN_TEXT_BYTES]);

/* When it began to wait. */
int64_t queued_since(const struct queued *queued);

#endif
