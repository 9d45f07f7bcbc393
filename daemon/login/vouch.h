/*
 * Clients who send their password as it is, so that somebody else can say whether it is right: PAM, or
 * a directory by LDAP. These are asked in helper threads, since their libraries block; a client waits
 * no longer than client_login_timeout, whatever they do. With that password the pooler also logs in to the
 * servers of the client's pool, unless another one is known.
 * Source: PostgreSQL manual, "LDAP Authentication", "PAM Authentication".
 */
#ifndef MILLPOND_LOGIN_VOUCH_H
#define MILLPOND_LOGIN_VOUCH_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/auth.h"
#include "protocol/failure.h"

struct directory;
struct session;
struct settings;

/*
 * Asks the client for its password, and the service, or the directory, about it: which, depends on
 * `method` (AUTH_PAM or AUTH_LDAP). Both belong to the settings. True: the session has the password.
 * False: the client stays outside, and `why` says so.
 */
bool await_vouched(struct session *session, struct settings *settings, enum auth_method method,
		   const char *service, const struct directory *directory, struct failure *why,
		   int64_t deadline);

#endif
