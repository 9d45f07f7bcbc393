/*
 * TLS to a server that the daemon logs in to by itself: the handshake, and that of cancel requests.
 * Source: PostgreSQL manual, "SSL Support" (libpq), "SSL Session Encryption".
 */
#ifndef MILLPOND_SERVER_SERVER_TLS_H
#define MILLPOND_SERVER_SERVER_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/tls.h"
#include "daemon/server/conninfo.h"
#include "pool/direct.h"
#include "protocol/failure.h"

struct stream;

/*
 * Asks for TLS on a fresh connection, unless the mode is disable or allow, and shakes hands; then the
 * connection owns the result. False: the mode asks for more than the server gives, and `why` says so.
 */
bool await_server_tls(struct direct *direct, struct stream *stream,
		      const struct conninfo *conninfo, enum tls_mode mode, struct failure *why,
		      int64_t deadline);

#endif
