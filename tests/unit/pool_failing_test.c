/* Logins that fail: who is told so, who goes on waiting, and when it is tried again. */
#include "pool/anew.h"
#include "pool/pool.h"

#include "tests/unit/crowd.h"

#define REFUSED "28P01" /* a wrong password: for good */
#define FULL "53300"	/* too many connections: for now */
#define STARTING "57P03" /* the database system is starting up */

static int count_refused(int count)
{
	int refused = 0;
	for (int i = 0; i < count; i++)
		refused += crowd[i].refused && !waits(i);
	return refused;
}

static int count_waiting(int count)
{
	int waiting = 0;
	for (int i = 0; i < count; i++)
		waiting += waits(i) && !crowd[i].refused;
	return waiting;
}

/* Lets time pass in steps until a login is tried again; answers how long that took. */
static int64_t until_retry(void)
{
	int64_t began = now;
	while (dialling_count == 0 && now - began < 100 * SECOND)
		tick_after(0.001);
	return now - began;
}

/* --- for good ----------------------------------------------------------------------------- */

static void test_final_refusal(void)
{
	struct failure why;

	begin_pool("default_pool_size = 5");
	asks(0);
	dial_fails(REFUSED);
	ok(crowd[0].refused, "a final refusal reaches the one who waits");
	ok(pool_refusal(pool, &why) && strcmp(why.message, "reason") == 0 &&
		   strcmp(why.sqlstate, REFUSED) == 0,
	   "with the server's own reason");
	ok(!asks(1) && crowd[1].refused && dialling_count == 0,
	   "who comes soon after is told the same at once");

	wait_seconds(1);
	answers = 0;
	for (int i = 0; i < 5; i++)
		asks(i);
	is_int(dialling_count, 1, "later one login is tried, however many wait");
	is_int(count_waiting(5), 5, "and they wait for it");
	dial_fails(REFUSED);
	ok(count_refused(5) == 5 && answers == 5, "its refusal reaches them all");
	is_int(dialling_count, 0, "with no other login");

	wait_seconds(5);
	all_ask(3);
	dial_succeeds();
	ok(has_server(0), "once a login succeeds");
	is_int(dialling_count, 2, "the others are made at once");
	ok(!pool_refusal(pool, &why), "and nothing is to be said any more");
	all_dials_succeed();
	all_return(3);
	end();
}

static void test_new_settings(void)
{
	begin("server_login_retry = 60", "shop = host=127.0.0.1");
	pool = find_pool("shop", "me");
	asks(0);
	dial_fails(REFUSED);
	ok(!asks(1) && crowd[1].refused, "a refusal stands until the next attempt is due");
	reload("server_login_retry = 60", "shop = host=127.0.0.1");
	ok(!asks(2) && waits(2) && dialling_count == 1, "or new settings have come");
	all_dials_succeed();
	ok(has_server(2), "with which it may succeed");
	returns(2);
	end();
}

static void test_more_known(void)
{
	int tries;

	begin("server_login_retry = 60", "shop = host=127.0.0.1");
	pool = find_pool("shop", "me");
	asks(0);
	dial_fails(REFUSED);
	pools_know_more(&pools, "you", now);
	ok(!asks(1) && crowd[1].refused, "what is known of another user changes nothing");
	pools_know_more(&pools, "me", now);
	ok(!asks(2) && waits(2) && dialling_count == 1, "a new secret is tried at once");
	pools_know_more(&pools, "me", now);
	dial_fails(REFUSED);
	ok(waits(2) && dialling_count == 1, "as is one that came while another was tried");
	dial_fails(REFUSED);
	ok(crowd[2].refused && dialling_count == 0, "but only once");
	wait_seconds(61);
	asks(3);
	dial_fails(FULL);
	pools_know_more(&pools, "me", now);
	ok(!asks(4) && crowd[4].refused, "what does not depend on secrets stands");
	wait_seconds(61);
	asks(5);
	for (tries = 1; tries < 20 && dialling_count > 0; tries++) {
		pools_know_more(&pools, "me", now);
		dial_fails(REFUSED);
	}
	ok(crowd[5].refused && tries < 8, "a secret that is always another one is not tried without end");
	end();
}

static void test_key_known(void)
{
	const unsigned char needed[SCRAM_KEY_BYTES] = {1, 2};
	const unsigned char other[SCRAM_KEY_BYTES] = {3};

	begin("server_login_retry = 60", "shop = host=127.0.0.1");
	pool = find_pool("shop", "me");
	pool_needs_key(pool, needed);
	asks(0);
	dial_fails(REFUSED);
	pools_know_key(&pools, other, now);
	ok(!asks(1) && crowd[1].refused, "a key that the pool does not need changes nothing");
	pools_know_key(&pools, needed, now);
	ok(!asks(2) && waits(2) && dialling_count == 1, "one that it needs is tried at once");
	pools_know_key(&pools, needed, now);
	dial_fails(REFUSED);
	ok(waits(2) && dialling_count == 1, "as is one that came while a login was under way");
	all_dials_succeed();
	returns(2);
	end();
}

/* Some fail all together, as those that go on with a secret which has been replaced. */
static void many_fail(int count)
{
	for (int i = 0; i < count; i++)
		dial_fails(REFUSED);
}

static void test_key_known_after_reload(void)
{
	const unsigned char needed[SCRAM_KEY_BYTES] = {1, 2};

	begin("server_login_retry = 60", "shop = host=127.0.0.1");
	pool = find_pool("shop", "me");
	pool_needs_key(pool, needed);
	all_ask(8);
	reload("server_login_retry = 60", "shop = host=127.0.0.1");
	many_fail(8);
	ok(count_waiting(8) == 8 && dialling_count == 8,
	   "all that were under way at a reload are tried anew");
	many_fail(8);
	ok(count_refused(8) == 8 && dialling_count == 0, "but only once");
	pools_know_key(&pools, needed, now);
	ok(!asks(8) && waits(8) && dialling_count == 1,
	   "and a key is tried at once, however many they were");
	all_dials_succeed();
	returns(8);
	end();
}

/* A client joins that was let in with that password, the only one. */
static void is_joined_with(const char *password)
{
	char *secrets[POOL_SECRETS] = {[POOL_PASSWORD] = strdup(password)};

	pool->client_count++;
	pool_exchange_secrets(pool, secrets, now);
	free(secrets[POOL_PASSWORD]);
}

static void test_password_given(void)
{
	begin("server_login_retry = 60", "shop = host=127.0.0.1");
	pool = find_pool("shop", "me");
	asks(0);
	dial_fails(REFUSED);
	is_joined_with("red");
	ok(!asks(1) && waits(1) && dialling_count == 1, "a password is tried at once");
	dial_fails(REFUSED);
	ok(crowd[1].refused, "it opens nothing");
	pool_client_leaves(pool);
	is_joined_with("red");
	ok(!asks(2) && crowd[2].refused, "and is not tried again for who comes with it next");
	pool_client_leaves(pool);
	is_joined_with("blue");
	ok(!asks(3) && waits(3) && dialling_count == 1, "but another one is");
	pool_client_leaves(pool);
	is_joined_with("blue");
	dial_fails("28000");
	ok(crowd[3].refused && dialling_count == 0, "once, also if it is given meanwhile");
	is_joined_with("green");
	asks(4);
	is_joined_with("red");
	dial_fails(REFUSED);
	ok(waits(4) && dialling_count == 1, "one that came while another was tried has its turn");
	dial_fails(FULL);
	is_joined_with("blue");
	ok(!asks(5) && !waits(5) && dialling_count == 0, "what does not depend on it stands");
	while (pool->client_count > 0)
		pool_client_leaves(pool);
	end();
}

static void test_burst(void)
{
	begin_pool("default_pool_size = 4");
	all_ask(4);
	dial_fails(REFUSED);
	is_int(count_waiting(4), 4, "while other logins are under way, all wait");
	dial_fails(REFUSED);
	dial_fails(REFUSED);
	is_int(pool->failures, 1, "logins that fail together count once");
	dial_fails(REFUSED);
	is_int(count_refused(4), 4, "the last one tells them");
	end();
}

static void test_refused_beside_lent(void)
{
	begin_pool("default_pool_size = 2");
	asks(0);
	dial_succeeds();
	asks(1);
	dial_fails(REFUSED);
	ok(waits(1) && !crowd[1].refused, "while another server is there, one may wait for it");
	returns(0);
	ok(has_server(1), "and gets it");
	returns(1);
	end();
}

/* --- for now ------------------------------------------------------------------------------ */

static void test_transient_failure(const char *sqlstate, const char *name)
{
	struct failure why;

	begin_pool("default_pool_size = 5");
	all_ask(3);
	for (int i = 0; i < 3; i++)
		dial_fails(sqlstate);
	is_int(count_waiting(3), 3, "%s: all go on waiting", name);
	ok(pool_refusal(pool, &why) && strcmp(why.message, "reason") == 0, "%s: it is known why",
	   name);
	ok(!asks(3) && waits(3) && !crowd[3].refused, "%s: so does who comes", name);
	is_int(dialling_count, 0, "%s: nothing is tried at once", name);
	until_retry();
	is_int(dialling_count, 1, "%s: one login is tried again", name);
	asks(4);
	tick_after(1);
	is_int(dialling_count, 1, "%s: and one only", name);
	dial_fails(sqlstate);
	is_int(pool->failures, 2, "%s: it fails again", name);
	until_retry();
	dial_succeeds();
	ok(has_server(0) && pool->failures == 0, "%s: until one succeeds, for the first", name);
	is_int(dialling_count, 4, "%s: then the others are dialled together", name);
	all_dials_succeed();
	is_int(count_waiting(5), 0, "%s: and nobody waits any more", name);
	all_return(5);
	end();
}

/* Whether the server says it for good or for now, it says it to all. */
static void test_refusal_for_now(void)
{
	struct failure why;

	begin_pool("default_pool_size = 5\nserver_login_retry = 10");
	all_ask(3);
	for (int i = 0; i < 3; i++)
		dial_fails(FULL);
	is_int(count_refused(3), 3, "too many connections: all are told at once");
	ok(pool_refusal(pool, &why) && strcmp(why.sqlstate, FULL) == 0, "and why");
	ok(!asks(3) && crowd[3].refused && dialling_count == 0,
	   "who comes is told the same, without a login");
	wait_seconds(11);
	ok(asks(0) || waits(0), "when the next login is due, one waits for it");
	is_int(dialling_count, 1, "which is made");
	dial_succeeds();
	ok(has_server(0), "and may go well");
	asks(1);
	dial_fails(FULL);
	ok(waits(1) && !crowd[1].refused, "while another server is there, one may wait for it");
	returns(0);
	ok(has_server(1), "and gets it");
	returns(1);
	end();
}

/* A restart of the server takes seconds, and a session can wait so long. */
static void test_restarting_server(void)
{
	begin_pool("default_pool_size = 5\nserver_login_retry = 10");
	they_are_let_in = true;
	all_ask(2);
	they_are_let_in = false;
	asks(2);
	for (int i = 0; i < 3; i++)
		dial_fails(STARTING);
	ok(waits(0) && waits(1), "the server starts up: who has been let in waits for it");
	ok(crowd[2].refused && !waits(2), "and who only logs in is told");
	ok(!asks(3) && crowd[3].refused, "as is who comes to log in");
	until_retry();
	dial_succeeds();
	ok(has_server(0), "once it has started, those who waited are served");
	all_dials_succeed();
	ok(has_server(1), "one after the other");
	returns(0);
	returns(1);
	end();
}

/* --- delays ------------------------------------------------------------------------------- */

static int64_t delays[10];

static void measure_delays(const char *general)
{
	begin_pool(general);
	asks(0);
	for (int i = 0; i < 10; i++) {
		dial_fails(NULL);
		delays[i] = until_retry();
	}
	dial_succeeds();
	returns(0);
	end();
}

static void test_growing_delays(void)
{
	int64_t nominal = SECOND / 10;
	bool within = true, plain = true;

	measure_delays("default_pool_size = 1");
	for (int i = 0; i < 10; i++) {
		within = within && delays[i] >= nominal * 3 / 4 - 1000 &&
			 delays[i] <= nominal * 5 / 4 + 2000;
		plain = plain && delays[i] / 2000 == nominal / 2000;
		nominal = nominal * 2 < 15 * SECOND ? nominal * 2 : 15 * SECOND;
	}
	ok(within, "delays begin with 0.1 s, double, and stay at server_login_retry's 15 s");
	ok(!plain, "give or take a quarter");
	int64_t first = delays[0];
	measure_delays("default_pool_size = 1\nserver_idle_timeout = 1");
	is_int(delays[0], first, "the same seed gives the same delays");
}

static void test_flat_delays(void)
{
	int wrong = 0;
	measure_delays("default_pool_size = 1\nserver_login_retry = 3");
	for (int i = 0; i < 10; i++)
		wrong += delays[i] < 3 * SECOND || delays[i] > 3 * SECOND + 2000;
	is_int(wrong, 0, "server_login_retry in the settings is the delay, each time");
}

static void test_minimum_while_failing(void)
{
	begin_pool("default_pool_size = 5\nmin_pool_size = 3");
	pools_tick(&pools, now);
	is_int(dialling_count, 3, "the minimum is dialled together");
	for (int i = 0; i < 3; i++)
		dial_fails(NULL);
	until_retry();
	tick_after(0);
	is_int(dialling_count, 1, "and while that fails one at a time");
	dial_succeeds();
	tick_after(0);
	is_int(dialling_count, 2, "until it does not");
	all_dials_succeed();
	end();
}

static void test_failure_that_is_remembered(void)
{
	begin_pool("server_login_retry = 2");
	asks(0);
	dial_fails(REFUSED);
	pool->client_count = 0;
	pools_forget_idle(&pools, now);
	ok(pools.first == pool, "a failure is remembered when the only client has gone");
	tick_after(1.9);
	pools_forget_idle(&pools, now);
	ok(pools.first == pool && !asks(1) && crowd[1].refused, "and told to the next one");
	tick_after(0.2);
	pools_forget_idle(&pools, now);
	ok(pools.first == NULL, "until the next login is due");
	pool = NULL;
	end();
}

/* A backend ends a moment after its server was closed, and takes the place of the next one until then. */
static void test_place_of_a_closed_server(void)
{
	begin_pool("default_pool_size = 1\nserver_lifetime = 0\nserver_login_retry = 60");
	asks(0);
	dial_succeeds();
	asks(1);
	asks(2);
	returns(0);
	for (int i = 0; i < 4; i++) {
		dial_fails(FULL);
		ok(count_waiting(3) == 2 && dialling_count == 0, "no room yet: they wait");
		ok(!asks(3) && waits(3), "so does who comes");
		pool_leave(pool, &crowd[3]);
		ok(until_retry() <= SECOND, "it is soon tried again");
	}
	dial_succeeds();
	ok(has_server(1), "and there is room");
	returns(1);
	for (int i = 0; i < 4; i++) {
		dial_fails(FULL);
		until_retry();
	}
	dial_fails(FULL);
	ok(crowd[2].refused, "where there is none for longer, that is told");
	asks(4);
	ok(crowd[4].refused && until_retry() > 40 * SECOND, "and it is tried again in its time");
	end();
}

/* Two at once: that one of them has ended says nothing about the other. */
static void test_places_of_closed_servers(void)
{
	begin_pool("default_pool_size = 2\nserver_lifetime = 0\nserver_login_retry = 60");
	all_ask(2);
	all_dials_succeed();
	asks(2);
	asks(3);
	returns(0);
	returns(1);
	is_int(dialling_count, 2, "two are to take the places of two");
	dial_succeeds();
	dial_fails(FULL);
	ok(has_server(2) && waits(3), "there is room for one of them");
	ok(until_retry() <= SECOND, "the other is soon tried again");
	dial_succeeds();
	ok(has_server(3), "and has its place");
	end();
}

int main(void)
{
	test_final_refusal();
	test_new_settings();
	test_more_known();
	test_key_known();
	test_key_known_after_reload();
	test_password_given();
	test_burst();
	test_refused_beside_lent();
	test_transient_failure(NULL, "no connection");
	test_refusal_for_now();
	test_restarting_server();
	test_growing_delays();
	test_flat_delays();
	test_minimum_while_failing();
	test_failure_that_is_remembered();
	test_place_of_a_closed_server();
	test_places_of_closed_servers();
	return done();
}
