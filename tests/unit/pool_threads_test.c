/*
 * Four workers in threads of their own share two pools, while a fifth thread plays the daemon and
 * disturbs them: limits hold at every moment, each server is one borrower's at a time, nobody waits for
 * ever, and everything comes back. For ThreadSanitizer, too.
 */
#include <stdatomic.h>
#include <time.h>

#include "pool/pools.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"
#include "tests/unit/under_lock.h"

enum { THREADS = 4, CLIENTS = 6, POOL_SIZE = 5, MOST_TOGETHER = 8 };

static struct pools pools;
static struct pool *both[2];
static atomic_int rounds_left;
static atomic_int held_twice, over_limit, answered_count, moved_count, stuck;
static atomic_bool over;

static int64_t clock_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Whoever finds nothing to do sleeps. One that yielded instead would wait, each time, for all else that runs on a busy
 * machine. */
static void rest(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
}

/* --- the daemon --------------------------------------------------------------------------- */

/* What hangs on a server: who has it, and the way to the thread that answers the pools. */
struct part {
	struct server *server;
	struct part *next;
	bool is_dialled; /* else checked */
	atomic_int holders;
};

static struct part *_Atomic inbox;

static void post(struct server *server, bool is_dialled)
{
	struct part *part = server->upstream;

	part->is_dialled = is_dialled;
	part->next = inbox;
	while (!atomic_compare_exchange_weak(&inbox, &part->next, part))
		;
}

static void dial(void *context, struct server *batch)
{
	(void)context;
	struct server *next;

	for (; batch != NULL; batch = next) {
		next = batch->next_in_batch;
		struct part *part = calloc(1, sizeof *part);
		part->server = batch;
		batch->upstream = part;
		post(batch, true);
	}
}

static void check(void *context, struct server *server)
{
	(void)context;
	post(server, false);
}

static void retire(void *context, struct server *server)
{
	(void)context;
	struct part *part = server->upstream;

	if (part->holders != 0)
		held_twice++;
	free(part);
	server_free(server);
}

static const struct pool_calls calls = {dial, check, retire};

/* Whether any has asked for something. */
static bool answer_pools(void)
{
	struct part *next, *first = atomic_exchange(&inbox, NULL);

	for (struct part *part = first; part != NULL; part = next) {
		next = part->next;
		struct server *server = part->server;
		if (!part->is_dialled) {
			pool_check_ended(server, true, clock_us());
			continue;
		}
		parameters_assign(&server->reported, parameters_empty(pools.parameters));
		pool_dial_succeeded(server, clock_us());
	}
	return first != NULL;
}

/* --- the workers -------------------------------------------------------------------------- */

struct client {
	struct borrower borrower; /* first */
	struct pool *pool;
	bool waits;
	atomic_bool is_answered;
};

static void answered(struct borrower *borrower)
{
	struct client *client = (struct client *)(void *)borrower;

	answered_count++;
	moved_count += borrower->came_from != borrower->worker;
	client->is_answered = true;
}

static void give_back(struct client *client, unsigned *random)
{
	struct server *server = client->borrower.server;
	struct part *part = server->upstream;

	if (part->holders-- != 1)
		held_twice++;
	if (rand_r(random) % 50 == 0)
		pool_discard(&client->borrower.server, "broken", clock_us());
	else
		pool_return(&client->borrower.server, clock_us());
	rounds_left--;
}

static void take(struct client *client)
{
	struct part *part = client->borrower.server->upstream;

	if (part->holders++ != 0)
		held_twice++;
}

static void ask(struct client *client, unsigned worker, unsigned *random)
{
	client->pool = both[rand_r(random) % 2];
	client->borrower = (struct borrower){.answered = answered, .worker = worker};
	client->is_answered = false;
	client->waits = !pool_lend(client->pool, &client->borrower, clock_us());
	if (!client->waits)
		take(client);
}

/* False: there is nothing to do but to wait. */
static bool act(struct client *client, unsigned worker, unsigned *random)
{
	if (client->waits && client->is_answered) {
		client->waits = false;
		take(client);
	} else if (client->waits && rand_r(random) % 2000 == 0) {
		client->waits = !pool_leave(client->pool, &client->borrower);
	} else if (client->waits) {
		return false;
	} else if (client->borrower.server != NULL) {
		give_back(client, random);
	} else if (rounds_left > 0) {
		ask(client, worker, random);
	} else {
		return false;
	}
	return true;
}

static bool is_busy(const struct client *clients)
{
	for (int i = 0; i < CLIENTS; i++)
		if (clients[i].waits || clients[i].borrower.server != NULL)
			return true;
	return false;
}

static void *worker_main(void *arg)
{
	unsigned worker = (unsigned)(uintptr_t)arg;
	unsigned random = worker + 1;
	struct client clients[CLIENTS] = {0};
	int64_t deadline = clock_us() + 60 * 1000000;

	while (rounds_left > 0 || is_busy(clients)) {
		bool any = false;
		for (int i = 0; i < CLIENTS; i++)
			any |= act(&clients[i], worker, &random);
		if (!any)
			rest();
		if (clock_us() > deadline) {
			stuck++;
			break;
		}
	}
	return NULL;
}

static void check_limits(void)
{
	pools_lock(&pools);
	size_t one = pool_server_count(both[0]);
	size_t other = pool_server_count(both[1]);
	if (one > POOL_SIZE || other > POOL_SIZE || one + other > MOST_TOGETHER)
		over_limit++;
	pools_unlock(&pools);
}

static void *daemon_main(void *arg)
{
	(void)arg;
	for (unsigned turn = 0; !over; turn++) {
		bool any = answer_pools();
		check_limits();
		if (turn % 8 == 0)
			pools_tick(&pools, clock_us());
		if (turn % 50 == 0)
			pool_pause(both[0], clock_us());
		if (turn % 50 == 5)
			pool_resume(both[0], clock_us());
		if (!any)
			rest();
	}
	return NULL;
}

/* --- together ----------------------------------------------------------------------------- */

static void begin(void)
{
	static const char text[] = "[millpond]\nauth_type = any\ndefault_pool_size = 5\n"
				   "max_user_connections = 8\nserver_check_delay = 3600\n"
				   "[databases]\na = host=x\nb = host=y\n";
	struct fault_list faults;

	fault_list_init(&faults);
	struct settings *settings = settings_load(scratch_write("threads.ini", text), &faults);
	if (settings == NULL || !pools_init(&pools, settings, THREADS, &calls, NULL, 7))
		abort();
	both[0] = pools_join(&pools, settings_find_database(settings, "a"), "a", "me", NULL);
	both[1] = pools_join(&pools, settings_find_database(settings, "b"), "b", "me", NULL);
	fault_list_release(&faults);
	settings_drop(settings);
}

int main(void)
{
	pthread_t threads[THREADS], daemon_thread;

	begin();
	rounds_left = getenv("STRESS") != NULL ? 2000000 : 40000;
	pthread_create(&daemon_thread, NULL, daemon_main, NULL);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, worker_main, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	over = true;
	pthread_join(daemon_thread, NULL);

	is_int(stuck, 0, "nobody waits for ever");
	is_int(over_limit, 0, "no limit is exceeded at any moment");
	is_int(held_twice, 0, "each server is one borrower's at a time");
	is_int(pools.first->servers[SERVER_ACTIVE].count + pools.last->servers[SERVER_ACTIVE].count,
	       0, "all come back");
	is_int(pools.first->waiting_count + pools.last->waiting_count, 0, "nobody is left");
	ok(moved_count > 0, "some went from one worker to another (%d of %d)", moved_count,
	   answered_count);
	answer_pools();
	pools_stop(&pools, clock_us());
	is_int(pools_server_count(&pools), 0, "at the end all are retired");
	pools_release(&pools);
	return done();
}
