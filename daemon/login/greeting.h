/*
 * The first packets of a client: requests for encryption and their answers, a cancel request, or
 * the startup packet.
 * Source: PostgreSQL manual, "Message Flow", "SSL Session Encryption", "GSSAPI Session Encryption".
 */
#ifndef MILLPOND_LOGIN_GREETING_H
#define MILLPOND_LOGIN_GREETING_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/failure.h"
#include "protocol/startup.h"

struct session;

/* Waits until the client has sent more during its login. False: `why` says so. */
bool await_more(struct session *session, struct failure *why, int64_t deadline);

/*
 * Everything up to the startup packet, which `startup` points into: it is left in the scratch
 * buffer, so it is gone after the next await. False: the client stays outside, and `why` says so;
 * for a cancel request, that is FAILURE_CLIENT_SAID_GOODBYE or FAILURE_CANCEL_WAIT_TIMEOUT.
 */
bool await_startup(struct session *session, struct startup *startup, struct failure *why,
		   int64_t deadline);

#endif
