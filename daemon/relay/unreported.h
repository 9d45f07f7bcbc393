/*
 * What a client SETs of the parameters that a server does not report. With track_session_parameters it follows the
 * client: by the texts of its requests it is noted what may have been set; when the transaction is over the server is
 * asked once what has come of it, and that is the client's wish, as if it had been reported. Nothing is asked after a
 * transaction whose texts set nothing. For those that are reported see reported.h.
 * Source: PostgreSQL manual, SET, "Configuration Settings Functions".
 */
#ifndef MILLPOND_RELAY_UNREPORTED_H
#define MILLPOND_RELAY_UNREPORTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct failure;
struct message;
struct session;
struct statement;
struct upstream;

/* A request, or its beginning, is on its way to the server. */
void unreported_note_request(struct upstream *upstream, const struct message *message);

/* So is a statement that was parsed before. */
void unreported_note_text(struct upstream *upstream, const char *text, size_t length);
void unreported_note_statement(struct upstream *upstream, const struct statement *statement);

/* A command has ended well, with this tag; the client may have left meanwhile. */
void unreported_note_tag(struct upstream *upstream, const char *tag);

/* A function has been called out of our sight, which may have set anything. */
void unreported_note_call(struct upstream *upstream);

/* Whether the server has to be asked what its client has set, before another client can have it. */
bool unreported_is_open(const struct upstream *upstream);

/* Asks it; the transaction is over. False: the conversation has failed. */
bool await_unreported_known(struct session *session, struct failure *why);

/* The client has left its server: what it may have set is taken back, at once or in front of the next one's requests.
 * NULL, or why the server has to be closed. */
const char *await_unreported_undone(struct upstream *upstream, int64_t deadline);

#endif
