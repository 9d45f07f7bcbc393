/*
 * Single messages and errors to clients, and the end of a conversation with one.
 */
#ifndef MILLPOND_DAEMON_GOODBYE_H
#define MILLPOND_DAEMON_GOODBYE_H

#include <stdbool.h>

#include "protocol/failure.h"

struct session;
struct writer;

/* Sends what has been written, and releases the writer. False when the client cannot be reached: `why`. */
bool send_message(struct session *session, struct writer *writer, struct failure *why);

/* The same, but in one packet with whatever else is posted in this turn of the loop; for what is no last word. */
bool post_message(struct session *session, struct writer *writer, struct failure *why);

/* Sends an error, and logs it. False when the client cannot be reached; `why` is then about that. */
bool send_failure(struct session *session, struct failure *why);

/* Says that the session is ready for the next query. */
bool send_ready(struct session *session, struct failure *why);

/* Tells the client why its session ends, if there is anything to tell; waits for nothing. */
void say_goodbye(struct session *session, struct failure *why);

/*
 * Closes the client's socket so that the last words arrive: a byte left unread would make the
 * kernel reset the connection instead.
 */
void await_hang_up(struct session *session, const struct failure *why);

#endif
