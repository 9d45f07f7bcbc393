#include "daemon/login/prepare_keys.h"

#include <openssl/crypto.h>

#include "daemon/login/forget_keys.h"
#include "daemon/offload.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/worker.h"
#include "protocol/keyring.h"
#include "protocol/secret.h"

/* After so many looks at users without any work the others have their turn. */
#define USERS_AT_ONCE 64

struct derivation {
	struct scram_secret *secret;
	const char *password;
	bool done;
};

static void derive(void *arg)
{
	struct derivation *derivation = arg;
	derivation->done = scram_secret_derive(derivation->secret, derivation->password, NULL);
}

bool await_keys(struct worker *worker, const char *user, const char *password, uint32_t iterations,
		struct scram_secret *secret)
{
	struct derivation derivation = {.secret = secret, .password = password};

	if (keyring_find_derived(worker->keyring, user, password, iterations, secret))
		return true;
	if (!await_offload(&worker->helpers->keys, &worker->loop, derive, &derivation) ||
	    !derivation.done)
		return false;
	keyring_note_derived(worker->keyring, user, password, secret);
	return true;
}

static bool await_prepared(struct worker *worker, const struct settings *settings,
			   const struct auth_user *user)
{
	struct scram_secret secret;

	if (secret_kind(user->secret) != SECRET_PLAIN)
		return true;
	bool prepared = await_keys(worker, user->name, user->secret,
				   (uint32_t)settings->scram_iterations, &secret);
	OPENSSL_cleanse(&secret, sizeof secret);
	return prepared;
}

static bool are_wanted(const struct settings *settings)
{
	return settings->auth_type == AUTH_SCRAM || settings->auth_type == AUTH_HBA;
}

/* Ends early when the process does, or when a reload has begun anew. */
static void await_all_prepared(struct worker *worker, const struct settings *settings)
{
	const struct auth_users *users = &settings->auth_users;

	for (size_t i = 0; i < users->count && i < KEYRING_MOST; i++) {
		if (worker->closing || worker->settings != settings ||
		    !await_prepared(worker, settings, &users->users[i]))
			break;
		if (i % USERS_AT_ONCE == 0)
			await_turn(&worker->loop);
	}
}

static void prepare_main(void *arg)
{
	struct worker *worker = arg;
	struct settings *settings = settings_hold(worker->settings);

	if (await_keys_forgotten(worker, settings) && are_wanted(settings))
		await_all_prepared(worker, settings);
	settings_drop(settings);
}

void prepare_keys(struct worker *worker)
{
	coroutine_start(&worker->loop, prepare_main, worker);
}
