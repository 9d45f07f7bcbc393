/*
 * TLS to a server that the daemon logs in to by itself, as libpq's keywords ask for it, and with the files that
 * libpq takes from ~/.postgresql where they name none; and, for both, whom the system trusts.
 * Source: PostgreSQL manual, "SSL Support" (libpq), "SSL Session Encryption".
 */
#ifndef MILLPOND_DAEMON_SERVER_TLS_H
#define MILLPOND_DAEMON_SERVER_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/fault.h"
#include "conf/tls.h"
#include "daemon/conninfo.h"
#include "pool/direct.h"
#include "protocol/failure.h"

struct stream;

/* The sslmode of a conninfo. */
enum tls_mode server_tls_mode(const struct conninfo *conninfo);

/* The file of those whom the system trusts: SSL_CERT_FILE, or OpenSSL's own. */
const char *server_tls_system_authorities(void);

/*
 * Where servers are verified, and neither the conninfo nor ~/.postgresql says by whose authority: adds that file.
 * A root.crt that cannot be had there has no such substitute.
 */
void server_tls_add_authorities(struct conninfo *conninfo);

/* The file of authorities that servers are to be verified with, if it is not there, or NULL. */
const char *server_tls_missing_authorities(const struct conninfo *conninfo);

/*
 * Asks for TLS on a fresh connection, unless the mode is disable or allow, and shakes hands; then the
 * connection owns the result. False: the mode asks for more than the server gives, and `why` says so.
 */
bool await_server_tls(struct direct *direct, struct stream *stream,
		      const struct conninfo *conninfo, enum tls_mode mode, struct failure *why,
		      int64_t deadline);

/* Whether TLS is to be spoken with ciphers of the settings, which libpq cannot be told. */
bool server_tls_chooses_ciphers(const struct conninfo *conninfo);

/* Whether OpenSSL can do what server_tls_ciphers and server_tls13_ciphers name; false: with faults. */
bool server_tls_check(const struct settings *settings, struct fault_list *faults);

#endif
