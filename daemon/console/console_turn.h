/*
 * A part of the console: what has been said to a client in one go, and what is still to be done
 * before more is. See console.h; here is what its files share.
 */
#ifndef MILLPOND_CONSOLE_CONSOLE_TURN_H
#define MILLPOND_CONSOLE_CONSOLE_TURN_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/console/command.h"
#include "protocol/failure.h"
#include "protocol/message.h"
#include "protocol/writer.h"

struct session;

struct turn {
	struct session *session;
	struct writer reply;
	struct command command;
	bool is_extended; /* by the extended protocol: no ReadyForQuery follows */
};

/*
 * Runs one command and writes its answer to `reply`, without ReadyForQuery. With `formats`, as the
 * extended protocol wants it: in these forms, and without a RowDescription.
 */
bool await_turn_run(struct turn *turn, const char *text, size_t length,
		    const struct selection_formats *formats, struct failure *why);

/* Writes the row description of what a command will answer; nothing: it has no rows. False without memory. */
bool turn_describe(struct turn *turn, const char *text, struct writer *description,
		   struct failure *why);

/* Sends the reply, as much at once as the client takes. */
bool await_turn_sent(struct turn *turn, struct failure *why);

/* Says why nothing more is to be had from the client. Always false. */
bool turn_connection_failed(const struct session *session, struct failure *why);

/* --- console_verbs.c --- */

/*
 * Runs a command that only an admin may use, and writes its tag to `reply`, as soon as all is done. Fails with
 * FAILURE_CONSOLE_SYNTAX if it is none, or cannot have that argument.
 */
bool await_verb(struct turn *turn, struct failure *why);

/* --- console_extended.c --- */

/* Parse, Bind, Describe, Execute and Close. */
bool await_extended_answer(struct turn *turn, const struct message *message, struct failure *why);

/* Outside a block: closes all portals, as a server does. */
void extended_end_of_transaction(struct session *session);

/* Frees the statements and portals of a session that ends. */
void extended_release(struct session *session);

/* --- console_pretend.c --- */

/*
 * Answers what drivers, psql and pools of clients say by themselves, as a server would, so that they
 * get on: BEGIN and COMMIT, DISCARD ALL, `select 1`, look-ups in catalogs. Without ReadyForQuery.
 * False: it is none of that.
 */
bool pretend(struct writer *writer, struct session *session, const char *text, size_t length);

#endif
