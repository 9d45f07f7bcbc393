#include "daemon/login/forget_keys.h"

#include "daemon/login/auth_cache.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/worker.h"
#include "protocol/keyring.h"

/* After so many the others have their turn. */
#define SECRETS_AT_ONCE ((size_t)64)

struct keeping {
	struct keyring *keyring;
	uint32_t iterations;
};

static void keep(const char *user, const char *secret, void *arg)
{
	struct keeping *keeping = arg;
	keyring_keep(keeping->keyring, user, secret, keeping->iterations);
}

/* Clients are there that may want another server, or none ever will be. */
static bool is_served(const struct pool *pool)
{
	return pool->client_count > 0 || pool->waiting_count > 0 || pool->is_private;
}

/* As clients have brought them along; the cache may have others by now. What has opened a server may have to open
 * more, though a file should lack it for a moment. */
static void keep_those_of_pools(struct pools *pools, struct keeping *keeping)
{
	pools_keep(pools);
	for (struct pool *pool = pools_first(pools); pool != NULL; pool = pools_next(pool)) {
		keep(pool->user_name, pool->secrets[POOL_ANSWER], keeping);
		if (is_served(pool))
			keyring_keep_proven(keeping->keyring, pool->needed_key);
	}
	pools_let_go(pools);
}

static void keep_those_of_entries(const struct settings *settings, struct keeping *keeping)
{
	for (size_t i = 0; i < settings->database_count; i++) {
		const struct database *database = &settings->databases[i];
		if (database->user != NULL && database->password != NULL)
			keep(database->user, database->password, keeping);
	}
}

static bool await_turn_with(struct worker *worker, const struct settings *settings)
{
	await_turn(&worker->loop);
	return !worker->closing && worker->settings == settings;
}

static bool await_those_of_users_kept(struct worker *worker, const struct settings *settings,
				      struct keeping *keeping)
{
	const struct auth_users *users = &settings->auth_users;

	for (size_t i = 0; i < users->count; i++) {
		keep(users->users[i].name, users->users[i].secret, keeping);
		if ((i + 1) % SECRETS_AT_ONCE == 0 && !await_turn_with(worker, settings))
			return false;
	}
	return true;
}

bool await_keys_forgotten(struct worker *worker, struct settings *settings)
{
	struct keeping keeping = {.keyring = worker->keyring,
				  .iterations = (uint32_t)settings->scram_iterations};

	keyring_begin_round(worker->keyring);
	if (!await_those_of_users_kept(worker, settings, &keeping))
		return false;
	keep_those_of_entries(settings, &keeping);
	auth_cache_each_secret(worker->auth_cache, keep, &keeping);
	keep_those_of_pools(worker->pools, &keeping);
	while (keyring_sweep(worker->keyring, SECRETS_AT_ONCE))
		if (!await_turn_with(worker, settings))
			return false;
	return true;
}
