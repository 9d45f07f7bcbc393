/*
 * The beginning of a session: the first packets, who the client is, and the welcome.
 */
#ifndef MILLPOND_DAEMON_LOGIN_H
#define MILLPOND_DAEMON_LOGIN_H

#include <stdbool.h>

#include "protocol/failure.h"

struct session;

/*
 * Reads the client's startup packet, checks it and lets the client in. False: it stays outside, and
 * `why` says so; FAILURE_CLIENT_SAID_GOODBYE when it wanted nothing more (a cancel request).
 * A session that is already `killed` is told so once it has introduced itself.
 */
bool await_login(struct session *session, struct failure *why);

#endif
