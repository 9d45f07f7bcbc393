#include "pool/pools.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/statement.h"

static uint32_t bucket_of(const char *database_name, const char *user_name)
{
	uint32_t hash = 2166136261u;
	for (const char *c = database_name; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	hash *= 31;
	for (const char *c = user_name; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return hash % POOL_BUCKETS;
}

bool pools_init(struct pools *pools, struct settings *settings, const struct pool_calls *calls,
		void *context, uint64_t seed)
{
	*pools = (struct pools){.calls = calls, .context = context, .random = seed | 1};
	pools->parameters = parameter_table_new();
	pools->statements = statement_table_new();
	if (pools->parameters == NULL || pools->statements == NULL)
		return false;
	pools->settings = settings_hold(settings);
	return true;
}

static void pool_free(struct pool *pool)
{
	assert(pool->waiting_count == 0 && pool_server_count(pool) == 0);
	parameters_drop(pool->welcome);
	settings_drop(pool->settings);
	free(pool->database_name);
	free(pool->user_name);
	free(pool);
}

void pools_release(struct pools *pools)
{
	while (pools->first != NULL) {
		struct pool *pool = pools->first;
		pools->first = pool->next;
		pool_free(pool);
	}
	parameter_table_free(pools->parameters);
	statement_table_free(pools->statements);
	settings_drop(pools->settings);
}

uint64_t pools_next_id(struct pools *pools)
{
	return ++pools->last_id;
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

static void use_settings(struct pool *pool, struct settings *settings)
{
	struct settings *old = pool->settings;
	pool->settings = settings_hold(settings);
	pool->database = settings_find_database(settings, pool->database_name);
	pool->user = settings_find_user(settings, pool->user_name);
	settings_drop(old);
}

/* A pool that comes to be during a pause, of all or of its database, is a part of it. */
static bool begins_paused(const struct pools *pools, const char *database_name)
{
	for (const struct pool *pool = pools->first; pool != NULL; pool = pool->next)
		if (pool->paused && strcmp(pool->database_name, database_name) == 0)
			return true;
	return pools->paused;
}

static struct pool *pool_new(struct pools *pools, const char *database_name, const char *user_name)
{
	struct pool *pool = calloc(1, sizeof *pool);
	if (pool == NULL)
		return NULL;
	pool->pools = pools;
	pool->id = ++pools->last_pool_id;
	pool->database_name = strdup(database_name);
	pool->user_name = strdup(user_name);
	if (pool->database_name == NULL || pool->user_name == NULL) {
		pool_free(pool);
		return NULL;
	}
	pool->paused = begins_paused(pools, database_name);
	use_settings(pool, pools->settings);
	parameters_assign(&pool->welcome, parameters_empty(pools->parameters));
	return pool;
}

struct pool *pools_find(struct pools *pools, const struct database *database,
			const char *database_name, const char *user_name)
{
	const char *user = database->user != NULL ? database->user : user_name;
	struct pool **bucket = &pools->buckets[bucket_of(database_name, user)];

	for (struct pool *pool = *bucket; pool != NULL; pool = pool->next_in_bucket)
		if (strcmp(pool->database_name, database_name) == 0 &&
		    strcmp(pool->user_name, user) == 0)
			return pool;

	struct pool *pool = pool_new(pools, database_name, user);
	if (pool == NULL)
		return NULL;
	pool->next_in_bucket = *bucket;
	*bucket = pool;
	*(pools->last != NULL ? &pools->last->next : &pools->first) = pool;
	pools->last = pool;
	return pool;
}

/* --- new settings ------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_keywords(char **a, char **b)
{
	if (a == NULL || b == NULL)
		return a == b;
	while (*a != NULL && *b != NULL && strcmp(*a, *b) == 0) {
		a++;
		b++;
	}
	return *a == NULL && *b == NULL;
}

/* Whether two entries lead to the same place in the same way. */
static bool leads_to_same(const struct database *old, const struct database *new)
{
	return old != NULL && new != NULL && same_text(old->host, new->host) &&
	       same_text(old->port, new->port) && same_text(old->dbname, new->dbname) &&
	       same_text(old->user, new->user) &&
	       old->load_balance_hosts == new->load_balance_hosts &&
	       same_text(old->connect_query, new->connect_query) &&
	       same_keywords(old->libpq_keywords, new->libpq_keywords);
}

static void pool_adopt(struct pool *pool, struct settings *settings, int64_t now)
{
	struct settings *old_settings = settings_hold(pool->settings);
	const struct database *old = pool->database;

	use_settings(pool, settings);
	if (!leads_to_same(old, pool->database))
		pool_reconnect(pool, "database configuration changed", now);
	if (pool->database == NULL)
		pool_refuse_waiting(pool);
	settings_drop(old_settings);
}

/* Pools that are to be warm before the first client comes. */
static void make_forced_pools(struct pools *pools)
{
	const struct settings *settings = pools->settings;
	for (size_t i = 0; i < settings->database_count; i++) {
		const struct database *database = &settings->databases[i];
		const struct user_settings *user =
			database->user == NULL ? NULL : settings_find_user(settings, database->user);
		if (database->user != NULL && strcmp(database->name, "*") != 0 &&
		    settings_min_pool_size(settings, database, user) > 0)
			pools_find(pools, database, database->name, database->user);
	}
}

void pools_adopt(struct pools *pools, struct settings *settings, int64_t now)
{
	struct settings *old = pools->settings;
	pools->settings = settings_hold(settings);
	for (struct pool *pool = pools->first; pool != NULL; pool = pool->next)
		pool_adopt(pool, settings, now);
	settings_drop(old);
	make_forced_pools(pools);
	pools_tick(pools, now);
}

/* --- over all pools ----------------------------------------------------------------------- */

/* Any name a client comes with makes a pool; one that no server has ever agreed to is forgotten. */
static bool is_idle_talk(const struct pool *pool)
{
	return pool->client_count == 0 && pool->waiting_count == 0 && !pool->paused &&
	       parameters_count(pool->welcome) == 0 && pool_server_count(pool) == 0 &&
	       (pool->database == NULL || pool->database->user == NULL);
}

void pools_forget_idle_talk(struct pools *pools)
{
	struct pool **link = &pools->first;

	pools->last = NULL;
	while (*link != NULL) {
		struct pool *pool = *link;
		if (!is_idle_talk(pool)) {
			pools->last = pool;
			link = &pool->next;
			continue;
		}
		struct pool **in_bucket =
			&pools->buckets[bucket_of(pool->database_name, pool->user_name)];
		while (*in_bucket != pool)
			in_bucket = &(*in_bucket)->next_in_bucket;
		*in_bucket = pool->next_in_bucket;
		*link = pool->next;
		pool_free(pool);
	}
}

void pools_tick(struct pools *pools, int64_t now)
{
	for (struct pool *pool = pools->first; pool != NULL; pool = pool->next)
		pool_tick(pool, now);
}

void pools_end_period(struct pools *pools, int64_t elapsed_us)
{
	for (struct pool *pool = pools->first; pool != NULL; pool = pool->next) {
		stats_average(&pool->average, &pool->period_start, &pool->stats, elapsed_us);
		pool->period_start = pool->stats;
	}
}

void pools_stop(struct pools *pools, int64_t now)
{
	pools->stopping = true;
	for (struct pool *pool = pools->first; pool != NULL; pool = pool->next) {
		pool_tick(pool, now);
		pool_refuse_waiting(pool);
	}
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

size_t pools_server_count(const struct pools *pools)
{
	size_t count = 0;
	for (const struct pool *pool = pools->first; pool != NULL; pool = pool->next)
		count += pool_server_count(pool);
	return count;
}
