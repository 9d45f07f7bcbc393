/*
 * The beginning of a session: the first packets, who the client is, and the welcome.
 */
#ifndef MILLPOND_LOGIN_LOGIN_H
#define MILLPOND_LOGIN_LOGIN_H

#include <stdbool.h>

#include "protocol/failure.h"

struct session;

/*
 * Reads the client's startup packet, checks it and lets the client in. False: it stays outside, and
 * `why` says so. A cancel request wants nothing more: it ends with FAILURE_CLIENT_SAID_GOODBYE, or
 * with FAILURE_CANCEL_WAIT_TIMEOUT.
 * A session that is already `killed` is told so once it has introduced itself.
 */
bool await_login(struct session *session, struct failure *why);

#endif
