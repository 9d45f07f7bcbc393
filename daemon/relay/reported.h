/*
 * The parameters that a server reports: whether they tell about the server, or about what its client wishes.
 * For those that it does not report see unreported.h.
 */
#ifndef MILLPOND_RELAY_REPORTED_H
#define MILLPOND_RELAY_REPORTED_H

#include <stdbool.h>

struct message;
struct server;
struct session;
struct upstream;
struct writer;

/* Notes a ParameterStatus; `is_own`: it comes of a query of the pooler's own. False: it breaks the
 * protocol, or there is no memory. */
bool reported_note(struct upstream *upstream, const struct message *message, bool is_own);

/* Whether its user, by what it reports, is not the one it was logged in as; but for a SET ROLE that follows the
 * client, and so is taken back. */
bool reported_is_disguised(const struct server *server);

/*
 * A session has been lent a server. Those of one pool may start otherwise, as after an ALTER ROLE ... SET; but a session
 * goes on as it was: in what it does not start there as on its last one, that is its wish. False without memory.
 */
bool reported_follow_start(struct session *session);

/*
 * An own query is over, after which the client's wishes are in force: they are proven. How the server spells
 * them becomes the wish, and is written to be told to the client. False without memory.
 */
bool reported_note_applied(struct upstream *upstream, struct writer *told);

/*
 * A request is over. What it has RESET is, for its session, back at what that came with: this is written to be
 * told to the client, and has to be set before its next request. (RESET x and RESET ALL have the same tag, so
 * only what has come back to where the server started counts as reset.) False without memory.
 */
bool reported_note_reset(struct upstream *upstream, struct writer *told);

#endif
