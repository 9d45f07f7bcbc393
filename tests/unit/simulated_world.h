/*
 * The world of pool_simulation_test: clients, servers that only seem to be, and the promises that
 * the pools have to keep.
 */
#ifndef MILLPOND_TESTS_UNIT_SIMULATED_WORLD_H
#define MILLPOND_TESTS_UNIT_SIMULATED_WORLD_H

#include <stdarg.h>

#include "pool/pools.h"
#include "tests/unit/tap.h"
#include "tests/unit/under_lock.h"
#include "tests/unit/virtual_time.h"

enum { CLIENTS = 10000, TRANSACTIONS = 25, DATABASES = 6, POOLS = 14, VARIANTS = 8, WORKERS = 8 };

#define MS INT64_C(1000)
#define SECOND (1000 * MS)
#define TICK (333 * MS)
#define TROUBLE_ENDS (60 * SECOND) /* from then on nothing goes wrong any more ... */
#define PATIENCE (3600 * SECOND)   /* ... and all must be served within this */

/* --- the promises ------------------------------------------------------------------------- */

#define PROMISES(PROMISE)                                                                     \
	PROMISE(SIZE, "no pool exceeds its size, nor touches its reserve before its time")    \
	PROMISE(DATABASE, "no database exceeds max_db_connections")                           \
	PROMISE(USER, "no user exceeds max_user_connections")                                 \
	PROMISE(LOGINS, "while logins fail, one at a time is tried, after its delay")         \
	PROMISE(ORDER, "first come, first served, but for the millisecond of the home worker") \
	PROMISE(HOME, "a lent server is at home with its borrower, or comes from elsewhere")  \
	PROMISE(LENT, "what is lent is whole: no cancel in flight, nothing to be closed for") \
	PROMISE(BACK, "every server that is lent comes back, and is lent once at a time")     \
	PROMISE(COUNTS, "counts agree with lists")                                            \
	PROMISE(IDLE, "nobody waits beside a server that rests")                              \
	PROMISE(SLOTS, "nobody waits where a server may be made")                             \
	PROMISE(STARVED, "nobody starves")                                                    \
	PROMISE(FREED, "at the end everything is retired and freed")

#define PROMISE(name, text) name,
enum promise { PROMISES(PROMISE) PROMISE_COUNT };
#undef PROMISE
#define PROMISE(name, text) text,
static const char *const promise_texts[] = {PROMISES(PROMISE)};
#undef PROMISE

static int broken[PROMISE_COUNT];
static int64_t now;
static uint64_t steps;

__attribute__((format(printf, 3, 4))) static void promise(enum promise which, bool kept,
							  const char *format, ...)
{
	va_list arguments;
	if (kept || broken[which]++ >= 3)
		return;
	printf("# step %" PRIu64 ", %.3f s: ", steps, (double)now / 1e6);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

/* --- the world ---------------------------------------------------------------------------- */

enum event_kind { CLIENT_ACTS, DIAL_ENDS, CHECK_ENDS, CANCEL_ENDS, PAUSE_ENDS, TICKS, TROUBLES };

enum client_state { THINKS, WAITS, HOLDS, DONE };

struct client {
	struct borrower borrower; /* first */
	struct pool *pool;
	enum client_state state;
	unsigned epoch;
	uint64_t ticket; /* in the order of asking */
	int left;	 /* transactions still to do */
	int64_t asked_at;
};

/* What the daemon would hang on a server. */
struct upstream {
	struct server *server;
	struct client *holder;
	bool is_dialled, is_checked;
	bool is_retired; /* only a cancel still knows it */
};

enum weather { FAIR, UNREACHABLE, REFUSING };

static struct pools pools;
static struct settings *variants[VARIANTS];
static struct client clients[CLIENTS];
static struct pool *all_pools[POOLS];
static enum weather weather[DATABASES];
static uint64_t last_ticket;
static int holding, done_count, live_servers;
static int worker_count;
static uint64_t moves;
static int64_t longest_wait;
static uint64_t lent, refused, given_up, died, reloads, failed_logins;

static const char *const database_names[DATABASES] = {"shop",	"stock", "mail",
						      "forced", "temp",	 "other"};

static int database_of(const struct pool *pool)
{
	for (int i = 0; i < DATABASES; i++)
		if (strcmp(pool->database_name, database_names[i]) == 0)
			return i;
	return 0;
}

static struct upstream *upstream_of(const struct server *server)
{
	return server->upstream;
}

/* --- what the pools ask for --------------------------------------------------------------- */

/* Limits bind where a server is made: what was there before a reload may be too much for a while. */
static void check_limits(const struct pool *pool)
{
	int most = settings_pool_size(pool->settings, pool->database, pool->user);
	int64_t reserve_after = pool->settings->reserve_pool_timeout_us;
	if (reserve_after > 0 && pool->first_waiting != NULL &&
	    now - pool->first_waiting->since >= reserve_after)
		most += settings_reserve_pool_size(pool->settings, pool->database, pool->user);
	promise(SIZE, pool_server_count(pool) <= (size_t)most, "%zu servers of %d",
		pool_server_count(pool), most);

	int of_database = settings_max_db_connections(pool->settings, pool->database);
	size_t count = pools_count_database(&pools, pool->database_name);
	promise(DATABASE, of_database == 0 || count <= (size_t)of_database, "%zu servers of %d",
		count, of_database);
	int of_user = settings_max_user_connections(pool->settings, pool->user);
	count = pools_count_user(&pools, pool->user_name);
	promise(USER, of_user == 0 || count <= (size_t)of_user, "%zu servers of %d", count,
		of_user);
}

static void dial(void *context, struct server *batch)
{
	(void)context;
	struct pool *pool = batch->pool;

	promise(LOGINS,
		pool->failures == 0 ||
			(pool->servers[SERVER_LOGIN].count == 1 && now >= pool->retry_at),
		"%u failures, %zu logins", pool->failures, pool->servers[SERVER_LOGIN].count);
	promise(SIZE, !pool->paused && pool->database != NULL && !pools.stopping, "may not dial");
	check_limits(pool);
	for (; batch != NULL; batch = batch->next_in_batch) {
		struct upstream *upstream = calloc(1, sizeof *upstream);
		*upstream = (struct upstream){.server = batch, .is_dialled = true};
		batch->upstream = upstream;
		live_servers++;
		event_make(now + random_between(1, 200) * MS, DIAL_ENDS, upstream, 0);
	}
}

static void check(void *context, struct server *server)
{
	(void)context;
	struct upstream *upstream = upstream_of(server);
	promise(LENT, !upstream->is_checked && server->state == SERVER_TESTED, "checked twice");
	upstream->is_checked = true;
	event_make(now + random_between(1, 20) * MS, CHECK_ENDS, upstream, 0);
}

static void free_upstream(struct upstream *upstream)
{
	server_free(upstream->server);
	free(upstream);
	live_servers--;
}

static void retire(void *context, struct server *server)
{
	(void)context;
	struct upstream *upstream = upstream_of(server);
	promise(BACK, upstream->holder == NULL && server->retire_reason != NULL,
		"retired while lent: %s", server->retire_reason);
	promise(COUNTS, !upstream->is_dialled && !upstream->is_checked && !upstream->is_retired,
		"retired while under way: %s", server->retire_reason);
	upstream->is_retired = true;
	if (server->cancels == 0)
		free_upstream(upstream);
}

static const struct pool_calls calls = {dial, check, retire};

/* --- clients ------------------------------------------------------------------------------ */

static void client_thinks(struct client *client, int64_t most_ms)
{
	client->state = client->left > 0 ? THINKS : DONE;
	client->epoch++;
	if (client->state == DONE)
		done_count++;
	else
		event_make(now + random_between(0, (int)most_ms) * MS, CLIENT_ACTS, client,
			   client->epoch);
}

static void client_holds(struct client *client, struct server *server)
{
	struct upstream *upstream = upstream_of(server);

	promise(BACK, upstream->holder == NULL && server->state == SERVER_ACTIVE, "lent twice");
	promise(LENT,
		server->cancels == 0 && !server->close_needed && !upstream->is_retired &&
			!upstream->is_checked && !upstream->is_dialled,
		"%u cancels, close_needed %d", server->cancels, server->close_needed);
	promise(LENT, !client->pool->paused && client->pool->database != NULL && !pools.stopping,
		"lent by a pool that does not lend");
	if (now - client->asked_at > longest_wait)
		longest_wait = now - client->asked_at;
	client->state = HOLDS;
	client->borrower.server = server;
	client->epoch++;
	upstream->holder = client;
	holding++;
	lent++;
	event_make(now + random_between(1, 40) * MS, CLIENT_ACTS, client, client->epoch);
}

/* Called from within a pool's function, so it must not call back; nor does it. */
static void answered(struct borrower *borrower)
{
	struct client *client = (struct client *)(void *)borrower;
	const struct client *next = (struct client *)(void *)client->pool->first_waiting;

	promise(ORDER, client->state == WAITS && borrower->pool == NULL, "answered out of turn");
	promise(ORDER,
		borrower->server == NULL || next == NULL || next->ticket > client->ticket ||
			(borrower->came_from == borrower->worker &&
			 client->asked_at - next->asked_at <= MS),
		"%" PRIu64 " is served before %" PRIu64, client->ticket, next ? next->ticket : 0);
	promise(HOME, borrower->server == NULL || borrower->server->worker == borrower->worker,
		"lent to worker %u, at home with %u", borrower->worker,
		borrower->server != NULL ? borrower->server->worker : 0);
	moves += borrower->server != NULL && borrower->came_from != borrower->worker;
	if (borrower->refused) {
		refused++;
		client_thinks(client, 3000);
	} else {
		client_holds(client, borrower->server);
	}
}

/* The clients of a removed database have been sent away. Others come in their place, when there is an entry again. */
static void client_comes_anew(struct client *client)
{
	const struct pool *left = client->pool;
	const struct database *database =
		settings_find_database(pools.settings, left->database_name);

	if (!left->is_removed || database == NULL)
		return;
	client->pool = pools_find(&pools, database, left->database_name, left->user_name);
	client->pool->client_count++;
}

static void client_asks(struct client *client)
{
	client_comes_anew(client);
	struct borrower *borrower = &client->borrower;
	size_t waiting = client->pool->waiting_count;

	client->ticket = ++last_ticket;
	client->asked_at = now;
	client->state = WAITS;
	client->epoch++;
	/* A session may have moved since it last asked. */
	*borrower = (struct borrower){.answered = answered,
				      .worker = (unsigned)random_between(0, worker_count - 1)};
	if (pool_lend(client->pool, borrower, now) && !borrower->refused) {
		promise(ORDER, waiting == 0, "a newcomer overtakes %zu", waiting);
		promise(HOME, borrower->server->worker == borrower->worker, "lent from afar");
		client_holds(client, borrower->server);
	} else if (borrower->refused && client->state == WAITS) {
		refused++;
		client_thinks(client, 3000);
	} else if (client->state == WAITS && chance(200)) {
		event_make(now + random_between(10, 5000) * MS, CLIENT_ACTS, client, client->epoch);
	}
}

static void cancel(struct server *server)
{
	pool_cancel_begins(server);
	event_make(now + random_between(1, 400) * MS, CANCEL_ENDS, server->upstream, 0);
}

/* Gives its server back, or up. */
static void client_ends(struct client *client, bool broken_server)
{
	struct server *server = client->borrower.server;

	if (chance(30) && server->cancels == 0)
		cancel(server);
	upstream_of(server)->holder = NULL;
	holding--;
	client->left--;
	client_thinks(client, 1500);
	if (broken_server || chance(5))
		pool_discard(&client->borrower.server, "broken", now);
	else
		pool_return(&client->borrower.server, now);
	promise(BACK, client->borrower.server == NULL, "a pointer is left");
}

static void client_acts(struct client *client)
{
	switch (client->state) {
	case THINKS:
		client_asks(client);
		break;
	case HOLDS:
		client_ends(client, false);
		break;
	case WAITS:
		pool_leave(client->pool, &client->borrower);
		given_up++;
		client_thinks(client, 1500);
		break;
	case DONE:
		break;
	}
}

#endif
