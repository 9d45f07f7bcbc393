#include "pool/pools.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pool/adopt.h"
#include "pool/disuse.h"
#include "pool/policy.h"
#include "protocol/hash.h"
#include "protocol/statement.h"

/* --- the lock ----------------------------------------------------------------------------- */

static void init_lock(struct pools *pools)
{
	pthread_mutexattr_t attributes;

	/* It is held for so short a time that going to sleep is rarely worth it. */
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(&pools->lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	deferred_clear(&pools->deferred);
}

void pools_lock(struct pools *pools)
{
	pthread_mutex_lock(&pools->lock);
}

void pools_unlock(struct pools *pools)
{
	if (deferred_is_empty(&pools->deferred)) {
		pthread_mutex_unlock(&pools->lock);
		return;
	}
	struct deferred deferred = pools->deferred;
	deferred_clear(&pools->deferred);
	pthread_mutex_unlock(&pools->lock);
	deferred_run(&deferred, pools->calls, pools->context);
}

/* --- beginning and end -------------------------------------------------------------------- */

bool pools_init(struct pools *pools, struct settings *settings, unsigned worker_count,
		const struct pool_calls *calls, void *context, uint64_t seed)
{
	*pools = (struct pools){.worker_count = worker_count,
				.calls = calls,
				.context = context,
				.random = seed | 1};
	pools->parameters = parameter_table_new();
	pools->statements = statement_table_new();
	if (pools->parameters == NULL || pools->statements == NULL)
		return false;
	pools->settings = settings_hold(settings);
	init_lock(pools);
	return true;
}

static void pool_free(struct pool *pool)
{
	assert(pool->waiting_count == 0 && pool_server_count(pool) == 0);
	for (unsigned i = 0; pool->shares != NULL && i < pool->pools->worker_count; i++)
		settings_drop(pool->shares[i].settings);
	free(pool->shares);
	parameters_drop(pool->welcome);
	settings_drop(pool->settings);
	free(pool->database_name);
	free(pool->user_name);
	replication_free(pool->replication);
	free(pool);
}

void pools_release(struct pools *pools)
{
	while (pools->first != NULL) {
		struct pool *pool = pools->first;
		pools->first = pool->next;
		pool_free(pool);
	}
	hash_table_release(&pools->table);
	pauses_remove(&pools->pauses, NULL);
	parameter_table_free(pools->parameters);
	statement_table_free(pools->statements);
	settings_drop(pools->settings);
	pthread_mutex_destroy(&pools->lock);
}

uint64_t pools_next_id(struct pools *pools)
{
	return atomic_fetch_add_explicit(&pools->last_id, 1, memory_order_relaxed) + 1;
}

/* xorshift64*: jitter needs no more. */
uint64_t pools_random(struct pools *pools)
{
	pools->random ^= pools->random >> 12;
	pools->random ^= pools->random << 25;
	pools->random ^= pools->random >> 27;
	return pools->random * UINT64_C(2685821657736338717) >> 16;
}

/* --- finding and making ------------------------------------------------------------------- */

/* By a pause of all or of that database; a pool that comes to be during one is a part of it. */
static bool is_paused(const struct pools *pools, const char *database_name)
{
	return pools->paused || pauses_have(&pools->pauses, database_name);
}

/* What tells pools apart. */
struct pool_key {
	const char *database_name;
	const char *user_name;
	bool is_private;
	bool is_forced;
	bool is_removed;
	const struct replication *replication;
};

static struct pool *pool_new(struct pools *pools, const struct pool_key *key)
{
	struct pool *pool = calloc(1, sizeof *pool);
	if (pool == NULL)
		return NULL;
	pool->pools = pools;
	pool->id = ++pools->last_pool_id;
	pool->database_name = strdup(key->database_name);
	pool->user_name = strdup(key->user_name);
	pool->is_private = key->is_private;
	pool->is_forced = key->is_forced;
	pool->is_removed = key->is_removed;
	pool->replication = replication_copy(key->replication);
	pool->shares = aligned_alloc(64, pools->worker_count * sizeof *pool->shares);
	if (pool->shares != NULL)
		memset(pool->shares, 0, pools->worker_count * sizeof *pool->shares);
	if (pool->database_name == NULL || pool->user_name == NULL || pool->shares == NULL ||
	    (key->replication != NULL && pool->replication == NULL)) {
		pool_free(pool);
		return NULL;
	}
	pool->paused = is_paused(pools, key->database_name);
	pool_use_settings(pool, pools->settings);
	for (unsigned i = 0; i < pools->worker_count; i++)
		pool_share_use_settings(pool, &pool->shares[i], pools->settings);
	parameters_assign(&pool->welcome, parameters_empty(pools->parameters));
	return pool;
}

/* Whether the pool makes its database known: "*" stands for it, and no other clients have a pool of it. */
static bool makes_known(const struct pools *pools, const struct pool *pool)
{
	if (pool->is_private || pool->database == NULL || !database_is_fallback(pool->database))
		return false;
	for (const struct pool *other = pools->first; other != NULL; other = other->next)
		if (!other->is_private && !other->is_removed &&
		    strcmp(other->database_name, pool->database_name) == 0)
			return false;
	return true;
}

static bool has_key(const struct pool *pool, const struct pool_key *key)
{
	return strcmp(pool->database_name, key->database_name) == 0 &&
	       strcmp(pool->user_name, key->user_name) == 0 &&
	       pool->is_private == key->is_private && pool->is_forced == key->is_forced &&
	       pool->is_removed == key->is_removed &&
	       replication_is_equal(pool->replication, key->replication);
}

static struct pool *find_or_make(struct pools *pools, const struct pool_key *key)
{
	uint32_t hash = hash_two_texts(key->database_name, key->user_name);
	struct pool *pool = hash_table_find(&pools->table, hash);

	while (pool != NULL && !has_key(pool, key))
		pool = hash_table_find_next(&pool->link);
	if (pool != NULL)
		return pool;
	pool = pool_new(pools, key);
	if (pool == NULL)
		return NULL;
	pool->is_unannounced = makes_known(pools, pool);
	hash_table_add(&pools->table, &pool->link, hash);
	*(pools->last != NULL ? &pools->last->next : &pools->first) = pool;
	pools->last = pool;
	return pool;
}

static struct pool *join(struct pools *pools, const struct pool_key *key)
{
	struct pool *pool = find_or_make(pools, key);
	if (pool != NULL)
		pool->client_count++;
	return pool;
}

struct pool *pools_join(struct pools *pools, const struct database *database,
			const char *database_name, const char *user_name,
			const struct replication *replication)
{
	struct pool_key key = {
		.database_name = database_name,
		.user_name = database->user != NULL ? database->user : user_name,
		.is_forced = database->user != NULL,
		.replication = replication,
	};

	pools_lock(pools);
	/* A worker that has not adopted the newest settings yet may still come with an entry that these do not have. */
	key.is_removed = database_is_lost(database, key.is_forced,
					  settings_find_database(pools->settings, database_name));
	struct pool *pool = join(pools, &key);
	pools_unlock(pools);
	return pool;
}

struct pool *pools_join_private(struct pools *pools, const char *database_name,
				const char *user_name)
{
	struct pool_key key = {
		.database_name = database_name, .user_name = user_name, .is_private = true};

	pools_lock(pools);
	struct pool *pool = join(pools, &key);
	pools_unlock(pools);
	return pool;
}

/* --- new settings ------------------------------------------------------------------------- */

/* Pools that are to be warm before the first client comes. */
static void make_forced_pools(struct pools *pools)
{
	const struct settings *settings = pools->settings;
	for (size_t i = 0; i < settings->database_count; i++) {
		const struct database *database = &settings->databases[i];
		const struct user_settings *user =
			database->user == NULL ? NULL : settings_find_user(settings, database->user);
		if (database->user != NULL && !database_is_fallback(database) &&
		    settings_min_pool_size(settings, database, user) > 0)
			find_or_make(pools, &(struct pool_key){.database_name = database->name,
							       .user_name = database->user,
							       .is_forced = true});
	}
}

void pools_adopt(struct pools *pools, struct settings *settings, int64_t now)
{
	struct settings *old = pools->settings; /* changed only here, in one thread */
	bool same_tls = settings_server_tls_is_equal(old, settings);

	pools_lock(pools);
	pools->settings = settings_hold(settings);
	for (struct pool *pool = pools->first; pool != NULL; pool = pool->next)
		pool_adopt(pool, settings, same_tls);
	settings_drop(old);
	make_forced_pools(pools);
	pools_unlock(pools);
	pools_tick(pools, now);
}

void pools_adopt_share(struct pools *pools, unsigned worker, struct settings *settings)
{
	pools_lock(pools);
	for (struct pool *pool = pools->first; pool != NULL; pool = pool->next)
		pool_adopt_share(pool, worker, settings);
	pools_unlock(pools);
}

/* --- over all pools ----------------------------------------------------------------------- */

size_t pools_forget_idle(struct pools *pools, int64_t now)
{
	size_t forgotten = 0;
	struct stats stats;

	pools_lock(pools);
	struct pool **link = &pools->first;

	if (pools->keepers == 0)
		pools->last = NULL;
	while (*link != NULL && pools->keepers == 0) {
		struct pool *pool = *link;
		bool is_old = disuse_is_over_time(pool, now);
		if (!is_old && !disuse_is_from_birth(pool, now)) {
			pools->last = pool;
			link = &pool->next;
			continue;
		}
		forgotten += is_old && parameters_count(pool->welcome) > 0;
		hash_table_remove(&pools->table, &pool->link);
		*link = pool->next;
		pool_stats(pool, &stats);
		stats_add(&pools->forgotten, &stats);
		pool_free(pool);
	}
	pools_unlock(pools);
	return forgotten;
}

void pools_keep(struct pools *pools)
{
	pools_lock(pools);
	pools->keepers++;
	pools_unlock(pools);
}

void pools_let_go(struct pools *pools)
{
	pools_lock(pools);
	pools->keepers--;
	pools_unlock(pools);
}

struct pool *pools_first(struct pools *pools)
{
	pools_lock(pools);
	struct pool *first = pools->first;
	if (first == NULL)
		pools_unlock(pools);
	return first;
}

struct pool *pools_next(struct pool *pool)
{
	struct pools *pools = pool->pools;

	pools_unlock(pools);
	pools_lock(pools);
	struct pool *next = pool->next;
	if (next == NULL)
		pools_unlock(pools);
	return next;
}

/* Only the thread that calls this takes pools away. */
void pools_tick(struct pools *pools, int64_t now)
{
	for (struct pool *pool = pools_first(pools); pool != NULL; pool = pools_next(pool))
		policy_tick(pool, now);
}

void pools_end_period(struct pools *pools, int64_t now)
{
	struct stats stats;

	pools_lock(pools);
	stats_periods_next(&pools->periods, now);
	pools_unlock(pools);
	for (struct pool *pool = pools_first(pools); pool != NULL; pool = pools_next(pool)) {
		pool_stats(pool, &stats);
		stats_past_keep(&pool->past, &pools->periods, &stats);
	}
}

void pools_stats(struct pools *pools, struct stats *sum)
{
	struct stats stats;

	pools_keep(pools);
	*sum = pools->forgotten; /* only the main thread forgets, and not while we keep */
	for (struct pool *pool = pools_first(pools); pool != NULL; pool = pools_next(pool)) {
		pool_stats(pool, &stats);
		stats_add(sum, &stats);
	}
	pools_let_go(pools);
}

void pools_stop(struct pools *pools, int64_t now)
{
	pools_lock(pools);
	pools->stopping = true;
	for (struct pool *pool = pools->first; pool != NULL; pool = pool->next) {
		policy_tick(pool, now);
		policy_refuse_all(pool);
	}
	pools_unlock(pools);
}

bool pool_is_of(const struct pool *pool, const char *database_name)
{
	return database_name == NULL || strcmp(pool->database_name, database_name) == 0;
}

bool pools_pause(struct pools *pools, const char *database_name, int64_t now)
{
	pools_lock(pools);
	bool noted = database_name == NULL || pauses_add(&pools->pauses, database_name);
	pools->paused |= database_name == NULL;
	for (struct pool *pool = pools->first; noted && pool != NULL; pool = pool->next)
		if (pool_is_of(pool, database_name))
			policy_pause(pool, now);
	pools_unlock(pools);
	return noted;
}

static void resume_unpaused(struct pools *pools, int64_t now)
{
	for (struct pool *pool = pools->first; pool != NULL; pool = pool->next)
		if (pool->paused && !is_paused(pools, pool->database_name))
			policy_resume(pool, now);
}

bool pools_resume(struct pools *pools, const char *database_name, int64_t now)
{
	pools_lock(pools);
	bool was_paused = database_name == NULL ? pools->paused :
						  pauses_remove(&pools->pauses, database_name);
	pools->paused &= database_name != NULL;
	resume_unpaused(pools, now);
	pools_unlock(pools);
	return was_paused;
}

void pools_resume_removed(struct pools *pools, int64_t now)
{
	pools_lock(pools);
	pauses_remove_strangers(&pools->pauses, pools->settings);
	resume_unpaused(pools, now);
	pools_unlock(pools);
}

void pools_reconnect(struct pools *pools, const char *database_name, const char *reason)
{
	pools_lock(pools);
	for (struct pool *pool = pools->first; pool != NULL; pool = pool->next)
		if (pool_is_of(pool, database_name))
			policy_reconnect(pool, reason);
	pools_unlock(pools);
}

bool pools_are_paused(struct pools *pools)
{
	pools_lock(pools);
	bool paused = pools->paused;
	pools_unlock(pools);
	return paused;
}

bool pools_have_paused(struct pools *pools, const char *database_name)
{
	pools_lock(pools);
	bool paused = pauses_have(&pools->pauses, database_name);
	pools_unlock(pools);
	return paused;
}

size_t pools_count(struct pools *pools)
{
	pools_lock(pools);
	size_t count = pools->table.count;
	pools_unlock(pools);
	return count;
}

size_t pools_server_count(const struct pools *pools)
{
	return atomic_load_explicit(&pools->server_count, memory_order_relaxed);
}

size_t pools_count_database(const struct pools *pools, const char *database_name)
{
	size_t count = 0;

	for (const struct pool *pool = pools->first; pool != NULL; pool = pool->next)
		if (strcmp(pool->database_name, database_name) == 0)
			count += pool_server_count(pool);
	return count;
}

size_t pools_count_user(const struct pools *pools, const char *user_name)
{
	size_t count = 0;

	for (const struct pool *pool = pools->first; pool != NULL; pool = pool->next)
		if (strcmp(pool->user_name, user_name) == 0)
			count += pool_server_count(pool);
	return count;
}
