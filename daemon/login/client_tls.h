/*
 * What clients are offered when they ask for TLS: OpenSSL's context, made once from the settings and
 * never changed. It hangs on the settings that it was made from, and each connection keeps the one
 * it began with; so a reload changes nothing for those that are there.
 */
#ifndef MILLPOND_LOGIN_CLIENT_TLS_H
#define MILLPOND_LOGIN_CLIENT_TLS_H

#include <stdbool.h>

#include "conf/settings.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

/*
 * Reads key, certificates and the rest that client_tls_... in `settings` name, and hangs what comes
 * of it on them. Only before anyone else has seen the settings. False, with faults: something of it
 * cannot be used.
 */
bool client_tls_prepare(struct settings *settings, struct fault_list *faults);

/* Instead: what hangs on the old settings hangs on these as well. */
void client_tls_keep(struct settings *settings, const struct settings *old);

/* NULL: clients are not offered TLS. */
struct ssl_ctx_st *client_tls_context(const struct settings *settings);

#endif
