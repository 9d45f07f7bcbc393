/*
 * What ties a client of a shared server to it beyond a transaction: advisory locks, temporary tables, cursors WITH
 * HOLD and the channels that it listens to are the server's own, and no other server can stand in for it. With
 * pin_clients the client stays on its server until there is none of that left.
 *
 * What may have come about is noted when a request or a tag tells of it; when the transaction is over the server is
 * asked what there is. Nothing is asked after a transaction that tells of nothing, unless something was there already.
 * Source: PostgreSQL manual, "Advisory Lock Functions", CREATE TABLE, DECLARE, LISTEN.
 */
#ifndef MILLPOND_RELAY_TIES_H
#define MILLPOND_RELAY_TIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct failure;
struct message;
struct session;
struct statement;
struct upstream;

enum tie {
	TIE_LOCKS = 1 << 0,    /* advisory ones, of a session */
	TIE_TABLES = 1 << 1,   /* temporary ones, and whatever else is temporary */
	TIE_CURSORS = 1 << 2,  /* WITH HOLD */
	TIE_CHANNELS = 1 << 3, /* LISTEN */
	TIES = (1 << 4) - 1,   /* all of them */
};

#define TIES_TEXT_BYTES 128

/* Writes what there is: "advisory locks, temporary tables". */
const char *ties_text(unsigned ties, char text[TIES_TEXT_BYTES]);

/* A request is on its way to the server, or a statement prepared before is to be run there. */
void ties_note_request(struct upstream *upstream, const struct message *message);
void ties_note_text(struct upstream *upstream, const char *text, size_t length);
void ties_note_statement(struct upstream *upstream, const struct statement *statement);
void ties_note_locks(struct upstream *upstream);

/* A command has ended well, with this tag; `creates`: something that may be temporary was made. */
void ties_note_tag(struct upstream *upstream, const char *tag, bool creates);

/* Whether the server may have to be asked what there is: something may have come about, or ended in a function, say,
 * which nothing tells of. If it is due, it is to be asked though its client rests, or has done nothing of note. */
bool ties_are_in_doubt(const struct upstream *upstream);
bool ties_are_due(const struct upstream *upstream);

/* Asks. False: the conversation has failed. */
bool await_ties_known(struct session *session, struct failure *why);

/* The client has left its server: what ties it is taken back, so that nobody else finds it. False: the server must be
 * closed. */
bool await_untied(struct upstream *upstream, int64_t deadline);

#endif
