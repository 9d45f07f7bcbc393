/*
 * What holds for both kinds of OpenSSL's contexts: that of clients and those of servers.
 */
#ifndef MILLPOND_DAEMON_TLS_CONTEXT_H
#define MILLPOND_DAEMON_TLS_CONTEXT_H

#include <stdbool.h>

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

/* The one name in a list of protocols: its length, and what PostgreSQL is registered as (RFC 7301, section 3.1). */
#define ALPN_POSTGRESQL "\x0apostgresql"

/* Keys with a passphrase are refused; OpenSSL would ask the terminal for it, and wait. */
void tls_context_asks_nobody(struct ssl_ctx_st *context);

/*
 * Chooses a list of ciphers in OpenSSL's syntax, up to TLS 1.2. Those without a certificate or without
 * encryption are never among them, even if named. False: nothing is left, and OpenSSL's errors say why.
 */
bool tls_context_choose_ciphers(struct ssl_ctx_st *context, const char *ciphers);

#endif
