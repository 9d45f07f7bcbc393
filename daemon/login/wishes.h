/*
 * The parameters of a startup packet: what a client wishes its session to be like. What it wishes of the protocol
 * is negotiated, see daemon/login/welcome.h.
 */
#ifndef MILLPOND_LOGIN_WISHES_H
#define MILLPOND_LOGIN_WISHES_H

#include <stdbool.h>

#include "protocol/failure.h"

struct session;
struct startup;

/* Logs them all, if as much is logged. */
void wishes_log(const struct session *session, const struct startup *startup);

/* Notes what the session's servers are to be told. False: one is not supported, or there is no memory. */
bool wishes_note(struct session *session, const struct startup *startup, struct failure *why);

/*
 * On the console there is no server to tell anything to, and whatever a client asks for will do; but it is shown
 * who it says it is.
 */
bool wishes_note_on_console(struct session *session, const struct startup *startup,
			    struct failure *why);

#endif
