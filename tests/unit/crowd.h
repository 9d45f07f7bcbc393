/*
 * A crowd of borrowers, by number, for tests of pool/.
 */
#ifndef MILLPOND_TESTS_UNIT_CROWD_H
#define MILLPOND_TESTS_UNIT_CROWD_H

#include "tests/unit/fake_daemon.h"

/* Not each test uses all of them. */
#define CROWD __attribute__((unused))

static struct pool *pool; /* from which the crowd borrows, if not told otherwise */

/* A pool of one database and user; `general` are lines of the settings. */
CROWD static void begin_pool(const char *general)
{
	begin(general, "shop = host=127.0.0.1");
	pool = find_pool("shop", "me");
	pool->client_count = 1;
}

static int answers;
static struct borrower *last_answered;

CROWD static void answered(struct borrower *borrower)
{
	answers++;
	last_answered = borrower;
}

static struct borrower crowd[20];
static bool they_are_let_in; /* who asks from now on: no clients that only log in */

/* Crowd member number `index` asks; true: it got a server at once. */
CROWD static bool asks_in(struct pool *of, int index)
{
	crowd[index] = (struct borrower){.answered = answered, .is_let_in = they_are_let_in};
	pool_lend(of, &crowd[index], now);
	return crowd[index].server != NULL;
}

CROWD static bool asks(int index)
{
	return asks_in(pool, index);
}

CROWD static void all_ask(int count)
{
	for (int i = 0; i < count; i++)
		asks(i);
}

CROWD static void returns(int index)
{
	pool_return(&crowd[index].server, now);
}

CROWD static void all_return(int count)
{
	for (int i = 0; i < count; i++)
		if (crowd[i].server != NULL)
			returns(i);
}

CROWD static bool has_server(int index)
{
	return crowd[index].server != NULL;
}

CROWD static bool waits(int index)
{
	return crowd[index].pool != NULL;
}

/* So many servers at rest, returned in the order of their members of the crowd. */
CROWD static void fill(int count)
{
	all_ask(count);
	all_dials_succeed();
	for (int i = 0; i < count; i++) {
		now += 1000;
		returns(i);
	}
}

CROWD static size_t in_state(enum server_state state)
{
	return pool->servers[state].count;
}

CROWD static void wait_seconds(double seconds)
{
	now += (int64_t)(seconds * (double)SECOND);
}

CROWD static void tick_after(double seconds)
{
	wait_seconds(seconds);
	pools_tick(&pools, now);
}

#endif
