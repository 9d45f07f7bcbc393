/* Pools under one limit: whoever waits for room has it as soon as another can spare a server. */
#include "pool/pools.h"

#include "tests/unit/crowd.h"

static struct pool *pool_a, *pool_b;

static void begin_two(const char *database_a, const char *user_a, const char *database_b,
		      const char *user_b)
{
	begin("", "shop = host=127.0.0.1 max_db_connections=1\nstock = host=127.0.0.1");
	pool_a = find_pool(database_a, user_a);
	pool_b = find_pool(database_b, user_b);
}

static bool dialled_for(int index)
{
	return dialling_count == 1 && dialling[0]->pool == crowd[index].pool;
}

static void test_at_once(void)
{
	begin_two("shop", "me", "shop", "you");
	asks_in(pool_a, 0);
	all_dials_succeed();
	asks_in(pool_b, 1);
	ok(waits(1) && dialling_count == 0, "the limit is reached");
	returns(0);
	ok(dialled_for(1), "a server that nobody wants makes room for who waits in another pool");
	is_text(last_reason, "evicted", "and is closed for that");
	is_int(pools_count_database(&pools, "shop"), 1, "within the limit");
	all_dials_succeed();
	ok(has_server(1), "he gets it");
	asks_in(pool_a, 0);
	pool_discard(&crowd[1].server, "broken", now);
	ok(dialled_for(0), "so does one that breaks");
	all_dials_succeed();
	returns(0);
	ok(pool_server_count(pool_a) == 1 && pools.held_up_count == 0, "and nobody waits");
	end();
}

static void test_who_never_rests(void)
{
	begin_two("shop", "me", "shop", "you");
	asks_in(pool_a, 0);
	all_dials_succeed();
	asks_in(pool_b, 1);
	asks_in(pool_a, 2);
	now += SECOND / 2;
	returns(0);
	ok(has_server(2), "a pool with work of its own keeps its server");
	asks_in(pool_a, 0);
	now += SECOND;
	returns(2);
	ok(dialled_for(1), "until somebody has waited a second for its place");
	all_dials_succeed();
	ok(has_server(1) && waits(0), "who has his turn then");
	asks_in(pool_b, 3);
	now += SECOND * 2;
	returns(1);
	ok(dialled_for(0), "and then the one who came first of all");
	all_dials_succeed();
	returns(0);
	all_dials_succeed();
	ok(has_server(3), "and the next");
	returns(3);
	end();
}

/* Of many who have waited for long, the first is nearly always of another pool. */
static void test_no_login_for_each(void)
{
	begin_two("shop", "me", "shop", "you");
	asks_in(pool_a, 0);
	all_dials_succeed();
	for (int i = 1; i < 9; i++, now += 1000)
		asks_in(i % 2 ? pool_b : pool_a, i);
	now += SECOND * 2;
	returns(0);
	all_dials_succeed();
	ok(has_server(1), "after a change of pools");
	for (int i = 1; i < 7; i += 2) {
		returns(i);
		ok(has_server(i + 2), "a server stays with its new one for a second");
	}
	now += SECOND;
	returns(7);
	all_dials_succeed();
	ok(has_server(2), "then it is the others' turn");
	for (int i = 2; i < 9; i += 2)
		returns(i);
	end();
}

static void test_longest_first(void)
{
	begin_two("shop", "me", "shop", "you");
	struct pool *third = find_pool("shop", "they");
	asks_in(pool_a, 0);
	all_dials_succeed();
	asks_in(third, 1);
	now += 1000;
	asks_in(pool_b, 2);
	returns(0);
	ok(dialled_for(1), "of several pools the one whose client has waited longest");
	all_dials_succeed();
	returns(1);
	ok(dialled_for(2), "is followed by the next");
	all_dials_succeed();
	returns(2);
	asks_in(pool_a, 0);
	pool_leave(pool_a, &crowd[0]);
	is_int(pools.held_up_count, 0, "who leaves is not waited for");
	end();
}

static void test_of_users(void)
{
	begin("max_user_connections = 1", "shop = host=127.0.0.1\nstock = host=127.0.0.1");
	pool_a = find_pool("shop", "me");
	pool_b = find_pool("stock", "me");
	asks_in(pool_a, 0);
	all_dials_succeed();
	asks_in(pool_b, 1);
	returns(0);
	ok(dialled_for(1), "a limit of a user over all databases is shared as well");
	all_dials_succeed();
	returns(1);
	end();
}

static void test_nothing_in_vain(void)
{
	begin("max_user_connections = 1\nmax_db_connections = 1",
	      "shop = host=127.0.0.1\nstock = host=127.0.0.1");
	pool_a = find_pool("shop", "me");
	pool_b = find_pool("shop", "you");
	asks_in(pool_a, 0);
	asks_in(find_pool("stock", "you"), 1);
	all_dials_succeed();
	asks_in(pool_b, 2);
	asks_in(pool_a, 3);
	now += SECOND * 2;
	returns(0);
	ok(has_server(3) && retired_count == 0, "one that would not help keeps its server");
	returns(3);
	is_int(retired_count, 0, "also when nobody wants it");
	returns(1);
	tick_after(1);
	all_dials_succeed();
	ok(has_server(2), "the other makes room");
	returns(2);
	end();
}

int main(void)
{
	test_at_once();
	test_who_never_rests();
	test_no_login_for_each();
	test_longest_first();
	test_of_users();
	test_nothing_in_vain();
	return done();
}
