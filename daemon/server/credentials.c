#include "daemon/server/credentials.h"

#include <string.h>

#include "conf/memory.h"
#include "daemon/login/lookup.h"
#include "daemon/server/conninfo.h"
#include "daemon/worker.h"
#include "pool/anew.h"
#include "pool/libpq_options.h"
#include "protocol/keyring.h"

/* Whether the entry says itself where libpq finds a password. */
static bool leads_elsewhere(const struct database *database)
{
	return database_keyword(database, "passfile") != NULL;
}

static char *find_secret(struct worker *worker, const struct settings *settings,
			 const struct database *database, const struct pool *pool)
{
	/* The entry's own password is that of its own user. */
	bool is_forced = database->user != NULL && strcmp(database->user, pool->user_name) == 0;

	if (is_forced && database->password != NULL && database->password[0] != '\0')
		return strdup(database->password);
	if (leads_elsewhere(database))
		return NULL;
	char *secret = lookup_secret(worker, settings, database, pool->database_name,
				     pool->user_name);
	return secret != NULL ? secret : pool_copy_secret(pool, POOL_ANSWER);
}

static void find_keys(struct credentials *credentials, struct worker *worker, struct pool *pool)
{
	scram_secret_parse(credentials->secret, &credentials->scram);
	pool_needs_key(pool, credentials->scram.stored_key);
	credentials->has_client_key = keyring_find_proven(
		worker->keyring, credentials->scram.stored_key, credentials->client_key);
	if (!credentials->has_client_key)
		return;
	base64_encode(credentials->client_key, SCRAM_KEY_BYTES, credentials->client_key_text);
	base64_encode(credentials->scram.server_key, SCRAM_KEY_BYTES,
		      credentials->server_key_text);
	credentials->without_libpq = !libpq_knows("scram_client_key");
}

/* Whether a password opens all that they do, which is nothing, or what its hash opens. */
static bool covers(const char *password, const char *user, const struct credentials *credentials)
{
	switch (credentials->kind) {
	case SECRET_NONE:
	case SECRET_BROKEN:
		return true;
	case SECRET_MD5:
		return secret_has_password(credentials->secret, user, password);
	case SECRET_SCRAM:
		return !credentials->has_client_key;
	default:
		return false;
	}
}

/*
 * A client of the pool was let in by PAM or LDAP: it has the same password at the server, unless another is
 * known that opens it. It is for no others whom the entry makes the same user.
 */
static void find_given(struct credentials *credentials, const struct database *database,
		       const struct pool *pool)
{
	char *given = !leads_elsewhere(database) && database->user == NULL ?
			      pool_copy_secret(pool, POOL_PASSWORD) :
			      NULL;

	if (given == NULL)
		return;
	if (!covers(given, pool->user_name, credentials)) {
		text_wipe(given);
		return;
	}
	credentials_release(credentials);
	credentials->kind = SECRET_PLAIN;
	credentials->secret = given;
}

void credentials_find(struct credentials *credentials, struct worker *worker,
		      const struct settings *settings, const struct database *database,
		      struct pool *pool)
{
	char *secret = find_secret(worker, settings, database, pool);

	*credentials = (struct credentials){.kind = secret_kind(secret), .secret = secret};
	credentials->without_libpq =
		credentials->kind != SECRET_NONE && credentials->kind != SECRET_PLAIN;
	if (credentials->kind == SECRET_SCRAM)
		find_keys(credentials, worker, pool);
	find_given(credentials, database, pool);
}

void credentials_add(const struct credentials *credentials, struct conninfo *conninfo)
{
	if (credentials->kind == SECRET_PLAIN)
		conninfo_add(conninfo, "password", credentials->secret);
	if (credentials->has_client_key && !credentials->without_libpq) {
		conninfo_add(conninfo, "scram_client_key", credentials->client_key_text);
		conninfo_add(conninfo, "scram_server_key", credentials->server_key_text);
	}
}

void credentials_release(struct credentials *credentials)
{
	text_wipe(credentials->secret);
	explicit_bzero(credentials, sizeof *credentials);
}
