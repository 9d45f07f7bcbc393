/*
 * Logging in to a server without libpq: for a user of whom only a SCRAM key or an md5 hash is known,
 * and with a password, since libpq computes SCRAM's proof of it in one go, which takes as long as the
 * server likes. Without a password the server gets nothing that it could not have computed from what
 * it has stored, and in no case the answer to a question that was not expected.
 * Source: PostgreSQL manual, "Message Flow": Start-up; SASL Authentication.
 */
#ifndef MILLPOND_SERVER_DIRECT_LOGIN_H
#define MILLPOND_SERVER_DIRECT_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/server/conninfo.h"
#include "daemon/server/credentials.h"
#include "pool/server.h"
#include "protocol/failure.h"

struct worker;

/*
 * Connects to the first host that can be reached, and does not say that it is starting or stopping, and
 * logs in, through TLS or not as sslmode has it; server_take_over() comes next. False: `why` says so.
 */
bool await_direct_login(struct server *server, struct worker *worker,
			const struct conninfo *conninfo, const struct credentials *credentials,
			struct failure *why, int64_t deadline);

#endif
