/*
 * Ten thousand clients of up to eight workers share a few servers through the pools, in virtual time and
 * in an order that a seed decides, while logins fail,
 * servers die, cancels fly, clients give up, and settings change. After each step it is checked that
 * the pools keep their promises.
 *
 *   pool_simulation_test [SEED]	or SEED=... in the environment, to repeat a run
 */
#include <time.h>

#include "tests/unit/scratch.h"
#include "tests/unit/simulated_world.h"

/* --- how things end ----------------------------------------------------------------------- */

static void dial_fails(struct server *server, enum weather how)
{
	struct failure why;
	failed_logins++;
	if (how == REFUSING) {
		failure_set(&why, FAILURE_SERVER_REFUSED, "no such role");
		memcpy(why.sqlstate, "28000", 5);
	} else {
		failure_set(&why, FAILURE_CONNECT_FAILED, "no route");
	}
	pool_dial_failed(server, &why, now);
}

static void dial_ends(struct upstream *upstream)
{
	struct server *server = upstream->server;
	enum weather how = weather[database_of(server->pool)];

	upstream->is_dialled = false;
	if (how == FAIR && now < TROUBLE_ENDS && chance(20))
		how = UNREACHABLE;
	if (how != FAIR) {
		dial_fails(server, how);
		return;
	}
	parameters_assign(&server->reported, parameters_empty(pools.parameters));
	pool_dial_succeeded(server, now);
}

static void check_ends(struct upstream *upstream)
{
	upstream->is_checked = false;
	pool_check_ended(upstream->server, !chance(100), now);
}

static void cancel_ends(struct upstream *upstream)
{
	bool was_retired = upstream->is_retired;
	pool_cancel_ended(upstream->server, now); /* may retire it */
	if (was_retired)
		free_upstream(upstream);
}

/* --- trouble ------------------------------------------------------------------------------ */

static void server_dies(struct pool *pool)
{
	static const enum server_state states[] = {SERVER_IDLE, SERVER_ACTIVE,
						   SERVER_BEING_CANCELED};
	struct server *server = pool->servers[states[random_between(0, 2)]].first;

	if (server == NULL)
		return;
	died++;
	if (upstream_of(server)->holder != NULL)
		client_ends(upstream_of(server)->holder, true);
	else
		pool_discard(&server, "server conn crashed?", now);
}

static void trouble(void)
{
	struct pool *pool = all_pools[random_between(0, POOLS - 1)];

	switch (random_between(0, 9)) {
	case 0:
		weather[random_between(0, DATABASES - 1)] = (enum weather)random_between(0, 2);
		break;
	case 1:
		if (!pool->paused) {
			pool_pause(pool, now);
			event_make(now + random_between(10, 4000) * MS, PAUSE_ENDS, pool, 0);
		}
		break;
	case 2:
		pool_reconnect(pool, "RECONNECT");
		break;
	case 3:
		pools_adopt(&pools, variants[random_between(0, VARIANTS - 1)], now);
		reloads++;
		break;
	case 4: /* a session ends, and so may a pool's need of a minimum */
		pool->client_count = (size_t)random_between(0, 1);
		break;
	default:
		weather[random_between(0, DATABASES - 1)] = FAIR;
		server_dies(pool);
	}
	if (now < TROUBLE_ENDS)
		event_make(now + random_between(1, 60) * MS, TROUBLES, NULL, 0);
	else
		memset(weather, 0, sizeof weather);
}

static void tick(void)
{
	/* The last reload brings all databases back. */
	if (now >= TROUBLE_ENDS && pools.settings != variants[0])
		pools_adopt(&pools, variants[0], now);
	pools_tick(&pools, now);
	if (done_count < CLIENTS)
		event_make(now + TICK, TICKS, NULL, 0);
}

/* --- checks after each step --------------------------------------------------------------- */

static void check_lists(const struct pool *pool)
{
	for (int state = 0; state < SERVER_CLOSED; state++) {
		const struct server_list *list = &pool->servers[state];
		const struct server *previous = NULL;
		size_t count = 0;
		for (const struct server *server = list->first; server != NULL;
		     previous = server, server = server->next, count++)
			promise(COUNTS,
				server->previous == previous && server->pool == pool &&
					(int)server->state == state &&
					(upstream_of(server)->holder != NULL) ==
						(state == SERVER_ACTIVE),
				"a server in the wrong list");
		promise(COUNTS, count == list->count && list->last == previous,
			"%zu servers counted as %zu", count, list->count);
	}
}

/* Those of each worker, together, are those of the pool, in the same order. */
static void check_shares(const struct pool *pool)
{
	size_t idle = 0, waiting = 0;

	for (unsigned i = 0; i < (unsigned)worker_count; i++) {
		const struct pool_share *share = &pool->shares[i];
		const struct borrower *last = NULL;
		for (const struct server *server = share->first_idle; server != NULL;
		     server = server->next_here, idle++)
			promise(COUNTS, server->worker == i && server->state == SERVER_IDLE,
				"a server in another worker's list");
		for (const struct borrower *borrower = share->first_waiting; borrower != NULL;
		     last = borrower, borrower = borrower->next_here, waiting++)
			promise(COUNTS,
				borrower->worker == i && borrower->pool == pool &&
					(last == NULL || last->since <= borrower->since),
				"somebody in another worker's queue");
		promise(COUNTS, share->last_waiting == last, "a queue without its end");
	}
	promise(COUNTS, idle == pool->servers[SERVER_IDLE].count && waiting == pool->waiting_count,
		"%zu rest and %zu wait with the workers", idle, waiting);
}

static void check_queue(const struct pool *pool)
{
	const struct borrower *previous = NULL;
	size_t count = 0;
	for (const struct borrower *borrower = pool->first_waiting; borrower != NULL;
	     previous = borrower, borrower = borrower->next, count++) {
		const struct client *client = (const struct client *)(const void *)borrower;
		promise(COUNTS,
			borrower->previous == previous && borrower->pool == pool &&
				client->state == WAITS,
			"somebody in the wrong queue");
		promise(ORDER,
			previous == NULL ||
				((const struct client *)(const void *)previous)->ticket <
					client->ticket,
			"a queue out of order");
	}
	promise(COUNTS, count == pool->waiting_count && pool->last_waiting == previous,
		"%zu waiting counted as %zu", count, pool->waiting_count);
}

static void check_step(void)
{
	size_t active = 0, servers = 0;
	for (const struct pool *pool = pools.first; pool != NULL; pool = pool->next) {
		size_t coming =
			pool->servers[SERVER_LOGIN].count + pool->servers[SERVER_TESTED].count;
		active += pool->servers[SERVER_ACTIVE].count;
		servers += pool_server_count(pool);
		promise(IDLE,
			pool->servers[SERVER_IDLE].count == 0 || pool->paused ||
				coming >= pool->waiting_count,
			"%zu rest, %zu are coming, %zu wait", pool->servers[SERVER_IDLE].count,
			coming, pool->waiting_count);
		if (steps % 64 == 0)
			check_lists(pool);
		if (steps % 4096 == 0)
			check_queue(pool);
		if (steps % 1024 == 0)
			check_shares(pool);
	}
	promise(COUNTS, servers == pools_server_count(&pools), "%zu servers counted as %zu",
		servers, pools_server_count(&pools));
	promise(BACK, active == (size_t)holding, "%zu active, %d held", active, holding);
}

/* Where no other limit holds, a tick leaves as many servers on their way as there are waiting. */
static void check_slots(void)
{
	for (const struct pool *pool = pools.first; pool != NULL; pool = pool->next) {
		if (pool->paused || pool->database == NULL || pool->failures > 0 ||
		    settings_max_db_connections(pool->settings, pool->database) > 0 ||
		    settings_max_user_connections(pool->settings, pool->user) > 0)
			continue;
		size_t most =
			(size_t)settings_pool_size(pool->settings, pool->database, pool->user);
		size_t coming =
			pool->servers[SERVER_LOGIN].count + pool->servers[SERVER_TESTED].count;
		promise(SLOTS, pool_server_count(pool) >= most || coming >= pool->waiting_count,
			"%zu servers of %zu, %zu are coming, %zu wait", pool_server_count(pool),
			most, coming, pool->waiting_count);
	}
}

static void step(const struct event_at *event)
{
	struct client *client = event->subject;

	switch ((enum event_kind)event->kind) {
	case CLIENT_ACTS:
		if (client->epoch == event->epoch)
			client_acts(client);
		break;
	case DIAL_ENDS:
		dial_ends(event->subject);
		break;
	case CHECK_ENDS:
		check_ends(event->subject);
		break;
	case CANCEL_ENDS:
		cancel_ends(event->subject);
		break;
	case PAUSE_ENDS:
		pool_resume(event->subject, now);
		break;
	case TICKS:
		tick();
		check_slots();
		break;
	case TROUBLES:
		trouble();
	}
	steps++;
	check_step();
}

/* --- one run ------------------------------------------------------------------------------ */

/* One of two numbers, or more often the first. */
static int mostly(int usual, int low, int high)
{
	return chance(600) ? usual : random_between(low, high);
}

static struct settings *make_variant(bool all_databases)
{
	char text[2000];
	struct fault_list faults;

	sprintf(text,
		"[millpond]\nauth_type = any\ndefault_pool_size = %d\nmin_pool_size = %d\n"
		"reserve_pool_size = %d\nreserve_pool_timeout = %d\nmax_db_connections = %d\n"
		"max_user_connections = %d\nserver_lifetime = %d\nserver_idle_timeout = %d\n"
		"server_check_delay = %d\nserver_round_robin = %d\ncancel_wait_timeout = %s\n"
		"%s\n[databases]\nshop = host=a\nstock = host=b pool_size=%d\n"
		"mail = host=c reserve_pool_size=%d\nforced = host=d user=boss\n%s%s"
		"[users]\nu3 = pool_size=%d max_user_connections=%d\n",
		random_between(4, 16), random_between(0, 4), random_between(0, 5),
		random_between(0, 4), mostly(0, 10, 30), mostly(0, 8, 30), mostly(3600, 0, 20),
		mostly(600, 0, 2), mostly(30, 0, 2), random_between(0, 1),
		chance(300) ? "0.2" : "10", chance(500) ? "server_login_retry = 1" : "",
		random_between(1, 20), random_between(0, 9),
		all_databases || chance(500) ? "temp = host=e\n" : "",
		all_databases || chance(500) ? "* = host=f\n" : "", random_between(2, 10),
		mostly(0, 4, 20));
	fault_list_init(&faults);
	struct settings *settings = settings_load(scratch_write("simulation.ini", text), &faults);
	if (settings == NULL) {
		fault_list_print(&faults, stdout);
		abort();
	}
	fault_list_release(&faults);
	return settings;
}

static void make_world(uint64_t seed)
{
	static const char *const users[] = {"u1", "u2", "u3"};
	static const int users_of[DATABASES] = {3, 3, 3, 1, 2, 2};
	int count = 0;

	now = SECOND;
	steps = last_ticket = lent = refused = given_up = died = reloads = failed_logins = 0;
	longest_wait = 0;
	moves = 0;
	holding = done_count = live_servers = 0;
	for (int i = 0; i < VARIANTS; i++)
		variants[i] = make_variant(i == 0);
	worker_count = (int)(seed % WORKERS) + 1;
	if (!pools_init(&pools, variants[0], (unsigned)worker_count, &calls, NULL, seed))
		abort();
	for (int d = 0; d < DATABASES; d++)
		for (int u = 0; u < users_of[d]; u++)
			all_pools[count++] = pools_find(
				&pools, settings_find_database(variants[0], database_names[d]),
				database_names[d], users[u]);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){.pool = all_pools[random_between(0, POOLS - 1)],
					     .left = TRANSACTIONS};
		clients[i].pool->client_count++;
		client_thinks(&clients[i], 5000);
	}
	event_make(now, TICKS, NULL, 0);
	event_make(now + SECOND, TROUBLES, NULL, 0);
}

static void run(uint64_t seed)
{
	struct event_at event;

	note("seed %" PRIu64 " (SEED=%" PRIu64 " repeats this run)", seed, seed);
	random_state = (seed * UINT64_C(0x9e3779b97f4a7c15)) | 1;
	memset(broken, 0, sizeof broken);
	make_world(seed);
	while (done_count < CLIENTS && now < TROUBLE_ENDS + PATIENCE && event_take(&event)) {
		now = event.time;
		step(&event);
	}
	promise(STARVED, done_count == CLIENTS, "%d clients are not served", CLIENTS - done_count);
	pools_stop(&pools, now);
	while (event_take(&event)) {
		now = event.time;
		step(&event);
	}
	promise(FREED, pools_server_count(&pools) == 0 && live_servers == 0, "%d servers are left",
		live_servers);
	note("%" PRIu64 " steps in %.0f s; %" PRIu64 " lent, %" PRIu64 " refused, %" PRIu64
	     " gave up; %" PRIu64 " servers died, %" PRIu64 " logins failed, %" PRIu64
	     " reloads; longest wait %.1f s; %d workers, %" PRIu64 " moves",
	     steps, (double)now / 1e6, lent, refused, given_up, died, failed_logins, reloads,
	     (double)longest_wait / 1e6, worker_count, moves);
	for (int i = 0; i < PROMISE_COUNT; i++)
		is_int(broken[i], 0, "%s", promise_texts[i]);
	if (live_servers == 0)
		pools_release(&pools);
	for (int i = 0; i < VARIANTS; i++)
		settings_drop(variants[i]);
	events_release();
}

int main(int argc, char **argv)
{
	const char *given = argc > 1 ? argv[1] : getenv("SEED");
	struct timespec clock;

	if (given != NULL) {
		run(strtoull(given, NULL, 10));
		return done();
	}
	clock_gettime(CLOCK_REALTIME, &clock);
#ifdef __SANITIZE_THREAD__
	int runs = 1; /* there are no threads */
#else
	int runs = getenv("STRESS") ? 50 : 2;
#endif
	for (int i = 0; i < runs; i++)
		run((uint64_t)clock.tv_sec * 1000 + (uint64_t)clock.tv_nsec % 997 + (uint64_t)i);
	return done();
}
