/*
 * What holds for both kinds of OpenSSL's contexts: that of clients and those of servers.
 */
#ifndef MILLPOND_DAEMON_TLS_CONTEXT_H
#define MILLPOND_DAEMON_TLS_CONTEXT_H

#include <stdbool.h>

struct fault_list;
struct settings;
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

/*
 * Adds a fault of a setting whose value OpenSSL does not take, and why: its last error, or the system's about a
 * file. Of `words`, which end with NULL, one may have been meant; NULL: nothing is suggested. Returns false and
 * clears OpenSSL's errors.
 */
bool tls_context_refuse(struct fault_list *faults, const struct settings *settings,
			const char *setting, const char *value, const char *const *words);

/* Chooses the ciphers that a setting asks for, in its own words (conf/tls.h). False: a fault says why. */
bool tls_context_take_ciphers(struct ssl_ctx_st *context, struct fault_list *faults,
			      const struct settings *settings, const char *setting,
			      const char *value);

/* The same for the cipher suites of TLS 1.3, in OpenSSL's syntax. An empty list leaves OpenSSL's own. */
bool tls_context_take_suites(struct ssl_ctx_st *context, struct fault_list *faults,
			     const struct settings *settings, const char *setting,
			     const char *value);

#endif
