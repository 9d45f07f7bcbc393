/*
 * What a client is told as it comes in: which protocol is spoken, and, once it is in, all that a server would tell it.
 */
#ifndef MILLPOND_LOGIN_WELCOME_H
#define MILLPOND_LOGIN_WELCOME_H

#include <stdbool.h>

#include "protocol/failure.h"

struct session;
struct startup;

/*
 * If the client asks for more than is known here: a newer version, or protocol options. In front of any question
 * about who it is: a client does not expect it any later.
 */
bool welcome_negotiate(struct session *session, const struct startup *startup, struct failure *why);

/* From AuthenticationOk to ReadyForQuery; with a cancel key, which the session gets here. */
bool welcome_send(struct session *session, struct failure *why);

#endif
