/*
 * Logging in to a server without libpq: for a user of whom only a SCRAM key or an md5 hash is known.
 * The server gets nothing that it could not have computed from what it has stored, and never the
 * answer to a question that was not expected: one that asks for a password in the clear is refused.
 * Source: PostgreSQL manual, "Message Flow": Start-up; SASL Authentication.
 */
#ifndef MILLPOND_DAEMON_DIRECT_LOGIN_H
#define MILLPOND_DAEMON_DIRECT_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/conninfo.h"
#include "daemon/credentials.h"
#include "pool/server.h"
#include "protocol/failure.h"

struct worker;

/*
 * Connects to the first host that can be reached and logs in; server_take_over() comes next. False:
 * `why` says so.
 */
bool await_direct_login(struct server *server, struct worker *worker,
			const struct conninfo *conninfo, const struct credentials *credentials,
			struct failure *why, int64_t deadline);

#endif
