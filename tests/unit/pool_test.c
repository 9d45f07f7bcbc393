/* The rules of a pool, one by one: who gets a server, and when one is made, checked and retired. */
#include "pool/pool.h"

#include "tests/unit/crowd.h"

/* --- lending ------------------------------------------------------------------------------ */

static void test_lending(void)
{
	begin_pool("default_pool_size = 2");
	answers = 0;
	ok(!asks(0) && waits(0) && !crowd[0].refused, "without servers the first has to wait");
	is_int(dialling_count, 1, "and one is dialled");
	wait_seconds(0.5);
	struct server *server = dial_succeeds();
	ok(answers == 1 && crowd[0].server == server && !waits(0), "which it gets");
	is_int(server->state, SERVER_ACTIVE, "the server is active");
	is_int(pool->shares[0].stats.wait_time, SECOND / 2, "its waiting is counted");
	struct server *gone = server;
	pool_return(&gone, now);
	ok(gone == NULL && server->state == SERVER_IDLE, "what is returned rests");
	answers = 0;
	ok(asks(1) && crowd[1].server == server && answers == 0,
	   "and is lent at once to the next, without another word");
	returns(1);
	ok(pool_lend_idle(pool, 0, now) == server, "or without joining the queue");
	ok(pool_lend_idle(pool, 0, now) == NULL, "if one rests");
	pool_return(&server, now);
	is_int(dialling_count, 0, "no other was needed");
	end();
}

static void test_order(void)
{
	begin_pool("default_pool_size = 1");
	fill(1);
	asks(0);
	for (int i = 1; i < 5; i++)
		asks(i);
	is_int(pool->waiting_count, 4, "four wait for the one server");
	ok(pool_lend_idle(pool, 0, now) == NULL, "nobody else gets one");
	wait_seconds(2);
	is_int(pool_longest_wait(pool, now), 2 * SECOND, "the first for two seconds");
	pool_leave(pool, &crowd[2]);
	ok(!waits(2) && pool->waiting_count == 3, "one gives up");
	pool_leave(pool, &crowd[2]);
	is_int(pool->waiting_count, 3, "once");
	static const int order[] = {0, 1, 3, 4};
	for (int i = 1; i < 4; i++) {
		returns(order[i - 1]);
		ok(last_answered == &crowd[order[i]] && has_server(order[i]), "number %d is next",
		   order[i]);
	}
	is_int(pool->waiting_count, 0, "all are served");
	is_int(pool_longest_wait(pool, now), 0, "nobody waits");
	returns(4);
	end();
}

static void test_as_many_as_wait(void)
{
	begin_pool("default_pool_size = 3");
	all_ask(5);
	is_int(dialling_count, 3, "as many are dialled as may be, all at once");
	pool_leave(pool, &crowd[0]);
	struct server *server = dial_succeeds();
	ok(crowd[1].server == server, "a server goes to who waits, not to who asked for it");
	for (int i = 2; i < 5; i++)
		pool_leave(pool, &crowd[i]);
	dial_succeeds();
	is_int(in_state(SERVER_IDLE), 1, "if nobody waits it rests");
	returns(1);
	asks(0);
	asks(1);
	ok(!asks(2) && dialling_count == 1, "one that is on its way already is enough for one");
	dial_succeeds();
	all_return(3);
	end();
}

static void test_broken(void)
{
	begin_pool("default_pool_size = 1");
	asks(0);
	dial_succeeds();
	asks(1);
	struct server *server = crowd[0].server;
	pool_discard(&server, "server conn crashed?", now);
	ok(server == NULL && pool->servers[SERVER_ACTIVE].count == 0, "a broken one is given up");
	is_text(last_reason, "server conn crashed?", "with its reason");
	is_int(dialling_count, 1, "and at once replaced for the one who waits");
	dial_succeeds();
	returns(1);
	end();
}

static void test_reuse(bool round_robin)
{
	begin_pool(round_robin ? "server_round_robin = 1" : "server_round_robin = 0");
	fill(3);
	struct server *first = pool->servers[SERVER_IDLE].last;
	struct server *last = pool->servers[SERVER_IDLE].first;
	ok(first->returned_at < last->returned_at, "three rest for different times");
	asks(0);
	if (round_robin)
		ok(crowd[0].server == first, "round robin: the one that rested longest is used");
	else
		ok(crowd[0].server == last, "otherwise the one that rested shortest");
	returns(0);
	asks(0);
	ok((crowd[0].server == last) == !round_robin, "and next time %s",
	   round_robin ? "another" : "the same");
	returns(0);
	end();
}

/* --- checks ------------------------------------------------------------------------------- */

static void test_check(void)
{
	begin_pool("server_check_delay = 30");
	fill(1);
	wait_seconds(29.9);
	ok(asks(0) && checking_count == 0, "a server that rested shorter is lent as it is");
	returns(0);
	wait_seconds(30);
	ok(!asks(0) && checking_count == 1 && in_state(SERVER_TESTED) == 1,
	   "one that rested longer is checked first");
	is_int(dialling_count, 0, "and no other is dialled for that");
	ok(pool_lend_idle(pool, 0, now) == NULL, "nor lent past the one who waits for it");
	check_ends(true);
	ok(has_server(0), "a good one is lent");
	returns(0);
	wait_seconds(31);
	asks(0);
	pool_leave(pool, &crowd[0]);
	check_ends(true);
	ok(in_state(SERVER_IDLE) == 1 && asks(1), "a check counts as use");
	returns(1);
	wait_seconds(31);
	asks(0);
	check_ends(false);
	is_text(last_reason, "test query failed", "a bad one is retired");
	ok(dialling_count == 1 && waits(0), "and another dialled");
	dial_succeeds();
	ok(has_server(0), "which is lent");
	returns(0);
	end();

	begin_pool("server_check_delay = 0");
	fill(1);
	ok(!asks(0) && checking_count == 1, "delay 0: always checked");
	check_ends(true);
	returns(0);
	end();

	begin_pool("server_check_query =");
	fill(1);
	wait_seconds(500);
	ok(asks(0), "no check query: never checked");
	returns(0);
	end();
}

static void test_check_is_not_overtaken(void)
{
	begin_pool("server_check_delay = 30\nserver_round_robin = 1");
	all_ask(2);
	all_dials_succeed();
	returns(0);
	wait_seconds(20);
	returns(1);
	wait_seconds(10);
	ok(!asks(0) && checking_count == 1, "one waits for a check, while another server rests");
	ok(pool_lend_idle(pool, 0, now) == NULL && !asks(1) && waits(1), "nobody overtakes it");
	check_ends(true);
	ok(has_server(0) && waits(1), "it is the first to be served");
	while (checking_count > 0)
		check_ends(true);
	ok(has_server(1), "and the other the second");
	all_return(2);
	end();
}

static void test_check_of_unused(void)
{
	begin_pool("min_pool_size = 1\nserver_check_delay = 30");
	pools_tick(&pools, now);
	dial_succeeds();
	wait_seconds(31);
	ok(!asks(0) && checking_count == 1, "one that was never used is checked after that, too");
	check_ends(true);
	ok(has_server(0), "and lent");
	returns(0);
	end();
}

/* --- retiring ----------------------------------------------------------------------------- */

static void test_lifetime(void)
{
	begin_pool("server_lifetime = 100");
	fill(2);
	wait_seconds(50);
	asks(0);
	if (checking_count > 0)
		check_ends(true);
	tick_after(49);
	is_int(retired_count, 0, "younger servers are kept");
	tick_after(1);
	is_int(retired_count, 1, "older ones at rest are retired");
	is_text(last_reason, "server lifetime over", "for that reason");
	ok(has_server(0), "but not one that is lent");
	returns(0);
	is_int(retired_count, 2, "until it comes back");
	asks(0);
	asks(1);
	dial_succeeds();
	wait_seconds(100);
	returns(0);
	ok(retired_count == 3 && dialling_count == 1, "who waits gets a new one instead");
	dial_succeeds();
	ok(has_server(1), "as soon as it is there");
	returns(1);
	end();
}

static void test_lifetime_0(void)
{
	begin_pool("server_lifetime = 0");
	asks(0);
	pool_leave(pool, &crowd[0]);
	dial_succeeds();
	tick_after(1);
	is_int(in_state(SERVER_IDLE), 1, "lifetime 0: a server that nobody has used yet is kept");
	ok(asks(1), "to be used");
	pool_put_back(crowd[1].server, now);
	is_int(in_state(SERVER_IDLE), 1, "one that is put back has not been used");
	ok(asks(2), "and is used");
	returns(2);
	is_int(retired_count, 1, "once");
	is_text(last_reason, "server lifetime over", "and then retired");
	end();
}

static void test_idle_timeout(void)
{
	begin_pool("server_idle_timeout = 60\nmin_pool_size = 2");
	fill(4);
	is_int(pool_server_count(pool), 4, "four servers");
	tick_after(59);
	is_int(retired_count, 0, "rest for a while");
	tick_after(1.1);
	is_int(retired_count, 2, "for too long: all but the minimum");
	is_text(last_reason, "server idle timeout", "are retired");
	tick_after(1000);
	ok(in_state(SERVER_IDLE) == 2 && dialling_count == 0, "which stays");
	end();

	begin_pool("server_idle_timeout = 0");
	fill(2);
	tick_after(3000);
	is_int(retired_count, 0, "idle timeout 0: never");
	end();
}

static void test_minimum(void)
{
	begin_pool("min_pool_size = 4\ndefault_pool_size = 10");
	pool->client_count = 0;
	pools_tick(&pools, now);
	is_int(dialling_count, 0, "a pool without clients needs no minimum");
	pool->client_count = 1;
	pools_tick(&pools, now);
	ok(dialling_count == 4 && batch_count == 1, "others get it dialled in one batch");
	pools_tick(&pools, now);
	is_int(dialling_count, 4, "once");
	all_dials_succeed();
	ok(asks(0) && dialling_count == 0, "one of these is lent");
	pool_discard(&crowd[0].server, "broken", now);
	is_text(last_reason, "broken", "and breaks");
	pools_tick(&pools, now);
	is_int(dialling_count, 1, "then it is replaced");
	end();

	begin_pool("min_pool_size = 50\ndefault_pool_size = 3");
	pools_tick(&pools, now);
	is_int(dialling_count, 3, "a minimum above the size is the size");
	end();
}

static void test_reserve(void)
{
	begin_pool("default_pool_size = 1\nreserve_pool_size = 2\nreserve_pool_timeout = 5");
	all_ask(5);
	dial_succeeds();
	tick_after(4.9);
	is_int(dialling_count, 0, "the reserve is closed");
	ok(!pool_is_into_reserve(pool), "and not used");
	tick_after(0.1);
	is_int(dialling_count, 2, "until one has waited long enough");
	ok(pool_is_into_reserve(pool), "now it is");
	all_dials_succeed();
	ok(has_server(1) && has_server(2) && waits(3), "and never more than that");
	tick_after(100);
	is_int(pool_server_count(pool), 3, "however long they wait");
	pool_leave(pool, &crowd[3]);
	pool_leave(pool, &crowd[4]);
	all_return(3);
	end();

	begin_pool("default_pool_size = 1\nreserve_pool_size = 2\nreserve_pool_timeout = 0");
	all_ask(2);
	dial_succeeds();
	tick_after(100);
	is_int(dialling_count, 0, "timeout 0: the reserve is never used");
	pool_leave(pool, &crowd[1]);
	returns(0);
	end();
}

/* --- pausing and cancelling --------------------------------------------------------------- */

static void test_pause(void)
{
	begin_pool("default_pool_size = 5");
	fill(2);
	asks(0);
	pool_pause(pool, now);
	is_int(in_state(SERVER_IDLE), 0, "a pause closes what rests");
	is_text(last_reason, "pause mode", "for that reason");
	returns(0);
	is_int(pool_server_count(pool), 0, "and what comes back: the pool is quiet");
	all_ask(3);
	tick_after(10);
	ok(pool->waiting_count == 3 && dialling_count == 0, "who comes waits, and nothing is made");
	batch_count = 0;
	pool_resume(pool, now);
	ok(dialling_count == 3 && batch_count == 1, "going on, all get a server, in one batch");
	pool_pause(pool, now);
	dial_succeeds();
	ok(pool->waiting_count == 3 && in_state(SERVER_IDLE) == 0,
	   "one that arrives during a pause is not lent");
	pool_resume(pool, now);
	all_dials_succeed();
	ok(has_server(0) && has_server(1) && has_server(2), "at last all are served");
	all_return(3);
	end();
}

static void test_reconnect(void)
{
	begin_pool("default_pool_size = 5");
	fill(2);
	asks(0);
	struct server *old = crowd[0].server;
	asks(2);
	asks(3);
	pool_leave(pool, &crowd[3]);
	returns(2);
	ok(dialling_count == 1 && in_state(SERVER_IDLE) == 1,
	   "one is lent, one rests, one is on its way");
	pool_reconnect(pool, "RECONNECT command");
	is_text(last_reason, "RECONNECT command", "what rests is retired");
	asks(3);
	dial_succeeds();
	ok(waits(3) && in_state(SERVER_LOGIN) == 1, "a login from before is not lent any more");
	all_dials_succeed();
	ok(has_server(3), "but a newer one");
	ok(crowd[0].server == old, "what is lent stays lent");
	returns(0);
	is_text(last_reason, "close_needed", "until it comes back");
	all_return(4);
	end();
}

static void test_cancel(void)
{
	begin_pool("default_pool_size = 1\ncancel_wait_timeout = 10");
	fill(1);
	asks(0);
	asks(1);
	struct server *server = crowd[0].server;
	pool_cancel_begins(server);
	pool_cancel_begins(server);
	returns(0);
	is_int(server->state, SERVER_BEING_CANCELED, "a cancel is on its way to a returned server");
	pool_cancel_ended(server, now);
	ok(waits(1), "while one is, it is not lent");
	pool_cancel_ended(server, now);
	ok(crowd[1].server == server, "and then to the next");
	pool_cancel_begins(server);
	pool_cancel_ended(server, now);
	is_int(server->state, SERVER_ACTIVE, "a cancel that ends earlier changes nothing");
	pool_cancel_begins(server);
	returns(1);
	asks(2);
	tick_after(9.9);
	is_int(retired_count, 0, "one that cannot be delivered");
	tick_after(0.2);
	is_int(retired_count, 1, "does not keep its server for ever");
	dial_succeeds();
	ok(has_server(2), "who waits gets another");
	returns(2);
	end();
}

int main(void)
{
	test_lending();
	test_order();
	test_as_many_as_wait();
	test_broken();
	test_reuse(false);
	test_reuse(true);
	test_check();
	test_check_is_not_overtaken();
	test_check_of_unused();
	test_lifetime();
	test_lifetime_0();
	test_idle_timeout();
	test_minimum();
	test_reserve();
	test_pause();
	test_reconnect();
	test_cancel();
	return done();
}
