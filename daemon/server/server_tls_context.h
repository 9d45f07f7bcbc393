/*
 * What OpenSSL is to be told for TLS to servers, as libpq's keywords ask for it, and with the files that libpq
 * takes from ~/.postgresql where they name none; and, for logins with and without libpq, whom the system trusts.
 * Source: PostgreSQL manual, "SSL Support" (libpq).
 */
#ifndef MILLPOND_SERVER_SERVER_TLS_CONTEXT_H
#define MILLPOND_SERVER_SERVER_TLS_CONTEXT_H

#include <stdbool.h>

#include "conf/fault.h"
#include "conf/tls.h"
#include "daemon/server/conninfo.h"
#include "protocol/failure.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

/* The sslmode of a conninfo. */
enum tls_mode server_tls_mode(const struct conninfo *conninfo);

/* Whether TLS is to begin without being asked for (sslnegotiation=direct, which libpq has from 17 on). */
bool server_tls_begins(const struct conninfo *conninfo);

/* The file of those whom the system trusts: SSL_CERT_FILE, or OpenSSL's own. */
const char *server_tls_system_authorities(void);

/*
 * Where servers are verified, and neither the conninfo nor ~/.postgresql says by whose authority: adds that file.
 * A root.crt that cannot be had there has no such substitute.
 */
void server_tls_add_authorities(struct conninfo *conninfo);

/* The file of authorities that servers are to be verified with, if it is not there, or NULL. */
const char *server_tls_missing_authorities(const struct conninfo *conninfo);

/* Whether TLS is to be spoken with ciphers of the settings, which libpq cannot be told. */
bool server_tls_chooses_ciphers(const struct conninfo *conninfo);

/* Adds a fault if OpenSSL cannot do what server_tls_ciphers and server_tls13_ciphers name. */
void server_tls_check(const struct settings *settings, struct fault_list *faults);

/* The context of a connection in that mode, which is the caller's. NULL: `why`. */
struct ssl_ctx_st *server_tls_context(const struct conninfo *conninfo, enum tls_mode mode, struct failure *why);

#endif
