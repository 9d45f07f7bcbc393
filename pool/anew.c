#include "pool/anew.h"

#include <string.h>

#include "pool/pools.h"
#include "protocol/hash.h"

#define PERIOD_US	 INT64_C(1000000)
#define MOST_IN_A_PERIOD 4

/* 28P01, or 28000 where the server asks PAM or LDAP. */
static bool is_about_secrets(const struct failure *why)
{
	return why->kind == FAILURE_SERVER_LOGIN || server_has_refused(why, "28");
}

/* A password is not kept to tell whether the next is another. 0: there is none. */
static uint32_t hash_of(const char *password)
{
	return password == NULL ? 0 : hash_text_nonzero(password);
}

/* What is no password, and has 0 for a hash, has not been tried. */
static bool is_tried(uint32_t hash, uint32_t tried)
{
	return hash != 0 && hash == tried;
}

/* Secrets that are never the same twice do not have the server dialled without end. */
static bool may_try(struct pool *pool, int64_t now)
{
	if (now - pool->anew_since >= PERIOD_US) {
		pool->anew_since = now;
		pool->anew_count = 0;
	}
	return pool->anew_count++ < MOST_IN_A_PERIOD;
}

/* Whether a login has failed, or is under way, for want of what has become known. */
static bool is_wanted(const struct pool *pool, uint32_t hash)
{
	const struct server *server = pool->servers[SERVER_LOGIN].first;

	while (server != NULL && (server->is_outdone || is_tried(hash, server->password_hash)))
		server = server->next;
	return server != NULL || (pool->failures > 0 && is_about_secrets(&pool->last_failure) &&
				  !is_tried(hash, pool->failed_hash));
}

static void know_more(struct pool *pool, uint32_t hash, int64_t now)
{
	if (!is_wanted(pool, hash) || !may_try(pool, now))
		return;
	if (is_about_secrets(&pool->last_failure) && !is_tried(hash, pool->failed_hash))
		pool->failures = 0;
	for (struct server *server = pool->servers[SERVER_LOGIN].first; server != NULL;
	     server = server->next)
		server->is_outdone |= !is_tried(hash, server->password_hash);
}

void pools_know_more(struct pools *pools, const char *user_name, int64_t now)
{
	pools_keep(pools);
	for (struct pool *pool = pools_first(pools); pool != NULL; pool = pools_next(pool))
		if (strcmp(pool->user_name, user_name) == 0)
			know_more(pool, 0, now);
	pools_let_go(pools);
}

void pools_know_key(struct pools *pools, const unsigned char stored_key[SCRAM_KEY_BYTES],
		    int64_t now)
{
	pools_keep(pools);
	for (struct pool *pool = pools_first(pools); pool != NULL; pool = pools_next(pool))
		if (memcmp(pool->needed_key, stored_key, SCRAM_KEY_BYTES) == 0)
			know_more(pool, 0, now);
	pools_let_go(pools);
}

void pool_needs_key(struct pool *pool, const unsigned char stored_key[SCRAM_KEY_BYTES])
{
	pools_lock(pool->pools);
	memcpy(pool->needed_key, stored_key, SCRAM_KEY_BYTES);
	pools_unlock(pool->pools);
}

void pool_knows_password(struct pool *pool, const char *password, int64_t now)
{
	know_more(pool, hash_of(password), now);
}

void server_note_password(struct server *server)
{
	server->password_hash = hash_of(server->pool->secrets[POOL_PASSWORD]);
}

bool server_knew_less(const struct server *server, const struct failure *why)
{
	return server->is_outdone && is_about_secrets(why);
}
