#include "daemon/credentials.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/conninfo.h"
#include "daemon/keyring.h"
#include "daemon/worker.h"
#include "pool/server.h"

/* Whether the entry says itself where libpq finds a password. */
static bool leads_elsewhere(const struct database *database)
{
	for (char **keyword = database->libpq_keywords; keyword != NULL && *keyword != NULL;
	     keyword += 2)
		if (strcmp(keyword[0], "passfile") == 0 || strcmp(keyword[0], "service") == 0)
			return true;
	return false;
}

static const char *find_secret(const struct settings *settings, const struct database *database,
			       const char *user)
{
	if (database->password != NULL && database->password[0] != '\0')
		return database->password;
	return leads_elsewhere(database) ? NULL : auth_users_find(&settings->auth_users, user);
}

static void find_keys(struct credentials *credentials, struct worker *worker)
{
	scram_secret_parse(credentials->secret, &credentials->scram);
	credentials->has_client_key = keyring_find_proven(
		worker->keyring, credentials->scram.stored_key, credentials->client_key);
	if (!credentials->has_client_key)
		return;
	base64_encode(credentials->client_key, SCRAM_KEY_BYTES, credentials->client_key_text);
	base64_encode(credentials->scram.server_key, SCRAM_KEY_BYTES,
		      credentials->server_key_text);
	credentials->without_libpq = !server_can_use_scram_keys();
}

void credentials_find(struct credentials *credentials, struct worker *worker,
		      const struct settings *settings, const struct database *database,
		      const char *user)
{
	const char *secret = find_secret(settings, database, user);

	*credentials = (struct credentials){.kind = secret_kind(secret)};
	if (credentials->kind == SECRET_NONE)
		return;
	credentials->secret = strdup(secret);
	if (credentials->secret == NULL)
		credentials->kind = SECRET_NONE;
	else if (credentials->kind != SECRET_PLAIN)
		credentials->without_libpq = true;
	if (credentials->kind == SECRET_SCRAM)
		find_keys(credentials, worker);
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
	if (credentials->secret != NULL)
		explicit_bzero(credentials->secret, strlen(credentials->secret));
	free(credentials->secret);
	explicit_bzero(credentials, sizeof *credentials);
}
