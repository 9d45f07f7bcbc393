/*
 * What is known for logging in to a server as some user: a password, which libpq can use, or only a
 * hash or a key made from it, for which the pooler may have to log in by itself (direct_login.h).
 */
#ifndef MILLPOND_SERVER_CREDENTIALS_H
#define MILLPOND_SERVER_CREDENTIALS_H

#include <stdbool.h>

#include "conf/settings.h"
#include "protocol/base64.h"
#include "protocol/scram.h"
#include "protocol/secret.h"

struct conninfo;
struct worker;

struct credentials {
	enum secret_kind kind; /* SECRET_NONE: libpq may find some by itself (passfile) */
	char *secret;	       /* owned */
	struct scram_secret scram; /* of SECRET_SCRAM, as are the next */
	bool has_client_key;
	unsigned char client_key[SCRAM_KEY_BYTES];
	char client_key_text[BASE64_LENGTH(SCRAM_KEY_BYTES) + 1]; /* as libpq takes them */
	char server_key_text[BASE64_LENGTH(SCRAM_KEY_BYTES) + 1];
	bool without_libpq; /* it cannot use them */
};

struct pool;

/*
 * Finds them for a pool, by its entry in settings that the caller holds: the password of the entry
 * for its own user, or the secret of the user, with the key that a client has proved; or else the password that a client
 * of the pool was let in with by PAM or LDAP. Release in any case.
 */
void credentials_find(struct credentials *credentials, struct worker *worker,
		      const struct settings *settings, const struct database *database,
		      struct pool *pool);

/* Adds what libpq can use. The credentials must outlive the conninfo. */
void credentials_add(const struct credentials *credentials, struct conninfo *conninfo);

/* Wipes them. */
void credentials_release(struct credentials *credentials);

#endif
