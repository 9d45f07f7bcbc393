#include "pool/adopt.h"

#include <string.h>

#include "conf/settings.h"
#include "pool/policy.h"
#include "pool/pool.h"

static bool has_own_entry(const struct database *database)
{
	return database != NULL && !database_is_fallback(database);
}

bool database_is_lost(const struct database *before, bool is_forced, const struct database *now)
{
	return (has_own_entry(before) && !has_own_entry(now)) ||
	       (is_forced && now != NULL && now->user == NULL);
}

/* Whether clients of its database are another user than those of the pool. */
static bool is_superseded(const struct pool *pool, const struct database *database)
{
	if (database == NULL || pool->is_private || database->user == NULL)
		return false;
	return !pool->is_forced || strcmp(database->user, pool->user_name) != 0;
}

void pool_use_settings(struct pool *pool, struct settings *settings)
{
	struct settings *old = pool->settings;
	const struct database *entry = settings_find_database(settings, pool->database_name);

	pool->is_removed |= database_is_lost(pool->database, pool->is_forced, entry);
	pool->settings = settings_hold(settings);
	pool->database = pool->is_removed ? NULL : entry;
	pool->user = settings_find_user(settings, pool->user_name);
	pool->is_superseded = is_superseded(pool, pool->database);
	settings_drop(old);
}

void pool_share_use_settings(const struct pool *pool, struct pool_share *share,
			     struct settings *settings)
{
	settings_drop(share->settings);
	share->settings = settings_hold(settings);
	share->database = pool->is_removed ?
				  NULL :
				  settings_find_database(settings, pool->database_name);
	share->user = settings_find_user(settings, pool->user_name);
	share->is_superseded = is_superseded(pool, share->database);
}

/* Clients of the new mode do not expect what those of the old one may have left on a server. */
static const char mode_changed[] = "pool_mode changed";

void pool_adopt(struct pool *pool, struct settings *settings, bool same_tls)
{
	struct settings *old_settings = settings_hold(pool->settings);
	const struct database *old = pool->database;
	enum pool_mode old_mode = pool_mode(pool);

	pool_use_settings(pool, settings);
	if (pool_mode(pool) != old_mode)
		policy_reconnect(pool, mode_changed);
	if (!database_leads_to_same(old, pool->database) || !same_tls)
		policy_reconnect(pool, "database configuration changed");
	if (pool->database == NULL)
		policy_refuse_all(pool);
	/* The change may have mended what made logins fail; those under way began without it. */
	pool->failures = 0;
	for (struct server *server = pool->servers[SERVER_LOGIN].first; server != NULL;
	     server = server->next)
		server->is_outdone = true;
	settings_drop(old_settings);
}

void pool_adopt_share(struct pool *pool, unsigned worker, struct settings *settings)
{
	struct pool_share *share = &pool->shares[worker];
	enum pool_mode old_mode = pool_share_mode(share);

	pool_share_use_settings(pool, share, settings);
	/* The pool has adopted them already, and the worker has gone on lending servers by the old ones. */
	if (pool_share_mode(share) != old_mode)
		policy_reconnect(pool, mode_changed);
	if (share->is_superseded && pool->replication == NULL)
		policy_refuse_those_of(pool, worker);
}
