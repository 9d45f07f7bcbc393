/* The doors of a pool: each takes the lock, lets pool/policy.c decide, and does what was decided. */
#include "pool/pool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pool/anew.h"
#include "pool/limits.h"
#include "pool/namesakes.h"
#include "pool/policy.h"
#include "pool/pools.h"
#include "pool/queue.h"
#include "pool/roster.h"

/* --- what borrowers call ------------------------------------------------------------------ */

struct server *pool_lend_idle(struct pool *pool, unsigned worker, int64_t now)
{
	if (!pool_seems_free(pool))
		return NULL;
	pools_lock(pool->pools);
	struct server *server = policy_idle_here(pool, worker, now);
	if (server != NULL)
		policy_lend(server, now);
	pools_unlock(pool->pools);
	return server;
}

static bool lend_or_queue(struct pool *pool, struct borrower *borrower, int64_t now)
{
	struct server *server = policy_idle(pool, borrower->worker, now);

	if (server != NULL && server->worker == borrower->worker) {
		policy_lend(server, now);
		borrower->server = server;
		return true;
	}
	queue_append(pool, borrower);
	if (server != NULL)
		policy_lend_to(borrower, server, now);
	else
		policy_provide(pool, now);
	return false;
}

bool pool_lend(struct pool *pool, struct borrower *borrower, int64_t now)
{
	borrower->server = NULL;
	borrower->pool = NULL;
	borrower->since = now;
	borrower->came_from = borrower->worker;
	pools_lock(pool->pools);
	borrower->refused = policy_refuses(pool, borrower, now);
	bool answered = borrower->refused || lend_or_queue(pool, borrower, now);
	pools_unlock(pool->pools);
	return answered;
}

bool pool_leave(struct pool *pool, struct borrower *borrower)
{
	pools_lock(pool->pools);
	bool waited = queue_remove(borrower);
	pools_unlock(pool->pools);
	return waited;
}

void pool_return(struct server **server, int64_t now)
{
	struct server *returned = *server;
	struct pools *pools = returned->pool->pools;

	*server = NULL;
	pools_lock(pools);
	returned->returned_at = now;
	if (returned->cancels > 0)
		server_move(returned, SERVER_BEING_CANCELED);
	else
		policy_settle(returned, now);
	pools_unlock(pools);
}

void pool_discard(struct server **server, const char *reason, int64_t now)
{
	struct pool *pool = (*server)->pool;

	pools_lock(pool->pools);
	/* Another thread may just have retired it, because its time is over, for example. */
	if ((*server)->state != SERVER_CLOSED)
		policy_retire(*server, reason);
	*server = NULL;
	policy_replace(pool, now);
	pools_unlock(pool->pools);
}

bool pool_refusal(struct pool *pool, struct failure *why)
{
	bool refuses = true;

	pools_lock(pool->pools);
	if (pool->pools->stopping)
		failure_set(why, FAILURE_SERVER_SHUTTING_DOWN);
	else if (pool->database == NULL &&
		 settings_find_database(pool->settings, pool->database_name) != NULL)
		failure_set(why, FAILURE_DATABASE_REMOVED);
	else if (pool->database == NULL)
		failure_set(why, FAILURE_NO_DATABASE, pool->database_name);
	else if (pool->failures > 0)
		*why = pool->last_failure;
	else
		refuses = false;
	pools_unlock(pool->pools);
	return refuses;
}

/* --- servers that are busy with something else -------------------------------------------- */

bool pool_take_aside(struct server *server)
{
	pools_lock(server->pool->pools);
	bool rests = server->state == SERVER_IDLE;
	if (rests)
		server_move(server, SERVER_TESTED);
	pools_unlock(server->pool->pools);
	return rests;
}

void pool_put_back(struct server *server, int64_t now)
{
	struct pools *pools = server->pool->pools;

	pools_lock(pools);
	policy_settle(server, now);
	pools_unlock(pools);
}

void pool_cancel_begins(struct server *server)
{
	pools_lock(server->pool->pools);
	server->cancels++;
	pools_unlock(server->pool->pools);
}

bool pool_waits_for_cancel(struct server *server)
{
	pools_lock(server->pool->pools);
	bool waits = server->state == SERVER_BEING_CANCELED;
	pools_unlock(server->pool->pools);
	return waits;
}

void pool_cancel_ended(struct server *server, int64_t now)
{
	struct pools *pools = server->pool->pools;

	pools_lock(pools);
	assert(server->cancels > 0);
	if (--server->cancels == 0 && server->state == SERVER_BEING_CANCELED)
		policy_settle(server, now);
	pools_unlock(pools);
}

void pool_dial_succeeded(struct server *server, int64_t now)
{
	struct pool *pool = server->pool;

	pools_lock(pool->pools);
	pool->failures = 0;
	server->connected_at = now;
	parameters_assign(&pool->welcome, server->reported);
	server_move(server, SERVER_IDLE);
	const char *reason = policy_reason_not_to_lend(pool, server);
	if (reason != NULL)
		policy_retire(server, server->close_needed ? "connect string changed" : reason);
	else if (pool->first_waiting != NULL)
		policy_lend_to(queue_next(pool, server->worker), server, now);
	policy_provide(pool, now);
	/* Of several that were closed at once, one has left its place. */
	pool->takes_over = pool->takes_over && pool->servers[SERVER_LOGIN].count > 0;
	pools_unlock(pool->pools);
}

void pool_dial_failed(struct server *server, const struct failure *why, int64_t now)
{
	struct pool *pool = server->pool;

	pools_lock(pool->pools);
	bool counts = !server_knew_less(server, why);
	if (counts)
		policy_note_failure(server, why, now);
	policy_retire(server, why->message);
	if (counts)
		policy_tell_failure(pool);
	policy_provide(pool, now);
	pools_unlock(pool->pools);
}

void pool_check_ended(struct server *server, bool good, int64_t now)
{
	struct pool *pool = server->pool;

	pools_lock(pool->pools);
	if (!good) {
		policy_retire(server, "test query failed");
	} else {
		server->returned_at = now;
		policy_settle(server, now);
	}
	policy_provide(pool, now);
	pools_unlock(pool->pools);
}

/* --- the pool as a whole ------------------------------------------------------------------ */

void pool_server_gone(struct pool *pool)
{
	struct pools *pools = pool->pools;

	pools_lock(pools);
	pool->retiring--;
	pools_unlock(pools);
}

bool pool_is_news(struct pool *pool)
{
	pools_lock(pool->pools);
	bool is_news = pool->is_unannounced;
	pool->is_unannounced = false;
	pools_unlock(pool->pools);
	return is_news;
}

static void exchange(char **one, char **other)
{
	char *former = *one;
	*one = *other;
	*other = former;
}

static void wipe(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void pool_exchange_secrets(struct pool *pool, char *secrets[POOL_SECRETS], int64_t now)
{
	pools_lock(pool->pools);
	if (secrets[POOL_PASSWORD] != NULL)
		pool_knows_password(pool, secrets[POOL_PASSWORD], now);
	for (int kind = 0; kind < POOL_SECRETS; kind++)
		if (secrets[kind] != NULL)
			exchange(&pool->secrets[kind], &secrets[kind]);
	pools_unlock(pool->pools);
}

char *pool_copy_secret(const struct pool *pool, enum pool_secret kind)
{
	pools_lock(pool->pools);
	char *copy = pool->secrets[kind] == NULL ? NULL : strdup(pool->secrets[kind]);
	pools_unlock(pool->pools);
	return copy;
}

void pool_client_leaves(struct pool *pool)
{
	struct pools *pools = pool->pools;
	char *secrets[POOL_SECRETS] = {NULL};

	pools_lock(pools);
	bool is_last = --pool->client_count == 0;
	for (int kind = 0; is_last && kind < POOL_SECRETS; kind++)
		exchange(&pool->secrets[kind], &secrets[kind]);
	pools_unlock(pools);
	for (int kind = 0; kind < POOL_SECRETS; kind++)
		wipe(secrets[kind]);
}

/* --- looking ------------------------------------------------------------------------------ */

struct settings *pool_settings(struct pool *pool, const struct database **database)
{
	pools_lock(pool->pools);
	struct settings *settings = settings_hold(pool->settings);
	*database = pool->database;
	pools_unlock(pool->pools);
	return settings;
}

struct parameters *pool_welcome(struct pool *pool)
{
	pools_lock(pool->pools);
	struct parameters *welcome = parameters_hold(pool->welcome);
	pools_unlock(pool->pools);
	return welcome;
}

struct pool_numbers pool_numbers(struct pool *pool)
{
	pools_lock(pool->pools);
	struct pool_numbers numbers = {
		.active = pool->servers[SERVER_ACTIVE].count,
		.waiting = pool->waiting_count,
		.cap = limits_full_cap(pool),
		.paused = pool->paused,
		.failures = pool->failures,
		.retry_at = pool->retry_at,
	};
	pools_unlock(pool->pools);
	return numbers;
}

bool pool_is_into_reserve(struct pool *pool)
{
	pools_lock(pool->pools);
	bool is_into = namesakes_server_count(pool) > limits_size(pool);
	pools_unlock(pool->pools);
	return is_into;
}

bool pool_seems_free(const struct pool *pool)
{
	return __atomic_load_n(&pool->servers[SERVER_IDLE].count, __ATOMIC_RELAXED) > 0 &&
	       __atomic_load_n(&pool->waiting_count, __ATOMIC_RELAXED) == 0;
}

void pool_stats(const struct pool *pool, struct stats *sum)
{
	*sum = (struct stats){0};
	for (unsigned i = 0; i < pool->pools->worker_count; i++)
		stats_add(sum, &pool->shares[i].stats);
}

enum pool_mode pool_mode(const struct pool *pool)
{
	return settings_pool_mode(pool->settings, pool->database, pool->user);
}

enum pool_mode pool_share_mode(const struct pool_share *share)
{
	return settings_pool_mode(share->settings, share->database, share->user);
}

bool pool_share_pins_clients(const struct pool_share *share)
{
	return share->settings->pin_clients && !share->settings->server_reset_query_always &&
	       pool_share_mode(share) != POOL_SESSION;
}

bool pool_share_tracks_sets(const struct pool_share *share)
{
	return share->settings->track_session_parameters && pool_share_mode(share) != POOL_SESSION;
}

int64_t pool_longest_wait(const struct pool *pool, int64_t now)
{
	return pool->first_waiting == NULL ? 0 : now - pool->first_waiting->since;
}
