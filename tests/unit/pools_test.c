/* All pools together: finding them, limits across them, new settings, the end. */
#include "pool/pools.h"

#include "pool/namesakes.h"
#include "tests/unit/crowd.h"

#define TWO_DATABASES "shop = host=127.0.0.1\nstock = host=127.0.0.1"

static struct pool *pool_a, *pool_b;

static void begin_two(const char *general, const char *database_b, const char *user_b)
{
	begin(general, TWO_DATABASES);
	pool = pool_a = find_pool("shop", "me");
	pool_b = find_pool(database_b, user_b);
}

/* --- finding ------------------------------------------------------------------------------ */

static void test_finding(void)
{
	begin("", "shop = host=127.0.0.1\nforced = host=127.0.0.1 user=boss\n* = host=127.0.0.1");
	pool = find_pool("shop", "me");
	ok(pool == find_pool("shop", "me"), "a pool is found again");
	ok(pool != find_pool("shop", "you"), "another user has another");
	ok(find_pool("forced", "me") == find_pool("forced", "you"), "but not with a forced user");
	is_text(find_pool("forced", "me")->user_name, "boss", "whose name it has");
	ok(find_pool("x", "me") != find_pool("y", "me"), "databases of * have pools of their own");
	ok(find_pool("ab", "c") != find_pool("a", "bc"), "names do not run together");
	uint64_t id = pools_next_id(&pools);
	is_int(pools_next_id(&pools), id + 1, "numbers are given once");
	end();
}

static void test_many_pools(void)
{
	static struct pool *many[3000];
	char name[20];
	int wrong = 0;

	begin("", "* = host=127.0.0.1");
	for (int i = 0; i < 3000; i++) {
		sprintf(name, "user%d", i);
		many[i] = find_pool("shop", name);
	}
	for (int i = 0; i < 3000; i++) {
		sprintf(name, "user%d", i);
		wrong += find_pool("shop", name) != many[i];
	}
	is_int(wrong, 0, "thousands of pools, each found again");
	end();
}

static void test_paused_from_birth(void)
{
	begin("", "* = host=127.0.0.1");
	ok(!find_pool("shop", "me")->paused, "a pool is not paused");
	ok(pools_pause(&pools, "shop", now) && pools_pause(&pools, "stock", now), "two databases are");
	ok(find_pool("shop", "me")->paused, "their pools are a part of it");
	ok(find_pool("shop", "you")->paused, "those to come");
	ok(find_pool("stock", "me")->paused, "and those of a database that had none");
	ok(!find_pool("mail", "me")->paused, "one of another is not");
	ok(pools_have_paused(&pools, "stock") && !pools_have_paused(&pools, "mail"), "one can ask");
	ok(pools_resume(&pools, "shop", now), "one goes on");
	ok(!pools_resume(&pools, "shop", now), "which it can only once");
	ok(!find_pool("shop", "they")->paused, "its pools to come are not paused then");
	ok(find_pool("stock", "you")->paused, "those of the other are");
	pools_pause(&pools, "nobody's", now);
	ok(pools_resume(&pools, "nobody's", now), "so does one that has had no pool at all");
	end();
}

static void test_pause_of_all(void)
{
	begin("", "* = host=127.0.0.1");
	ok(!pools_resume(&pools, NULL, now), "all go on already");
	struct pool *mail = find_pool("mail", "me");
	struct pool *shop = find_pool("shop", "me");
	pools_pause(&pools, "shop", now);
	ok(!pools_resume(&pools, NULL, now) && shop->paused, "a pause by name is none of all");
	pools_pause(&pools, NULL, now);
	ok(mail->paused && find_pool("fresh", "me")->paused, "while all are paused, any new one is");
	ok(!pools_have_paused(&pools, "mail"), "not by its name");
	ok(!pools_resume(&pools, "mail", now) && mail->paused, "so that it cannot go on alone");
	ok(pools_resume(&pools, NULL, now) && !mail->paused, "all go on");
	ok(shop->paused && find_pool("shop", "you")->paused, "but what is paused by name");
	pools_pause(&pools, NULL, now);
	ok(pools_resume(&pools, "shop", now) && shop->paused, "which ends in a pause of all");
	ok(pools_resume(&pools, NULL, now) && !shop->paused, "and is over with that");
	end();
}

/* --- limits across pools ------------------------------------------------------------------ */

static void test_database_limit(void)
{
	begin_two("max_db_connections = 3", "shop", "you");
	asks_in(pool_a, 0);
	asks_in(pool_a, 1);
	asks_in(pool_b, 2);
	asks_in(pool_b, 3);
	is_int(dialling_count, 3, "max_db_connections holds over all users of a database");
	is_int(pools_count_database(&pools, "shop"), 3, "all of which are counted");
	all_dials_succeed();
	tick_after(1);
	ok(waits(3) && dialling_count == 0, "who is beyond it waits");
	returns(0);
	tick_after(1);
	ok(strcmp(last_reason, "evicted") == 0 && dialling_count == 1,
	   "until one rests in another pool, and makes room");
	all_dials_succeed();
	ok(has_server(3), "for the one who waits");
	is_int(pools_server_count(&pools), 3, "within the limit");
	all_return(4);
	end();
}

static void test_no_eviction_where_others_wait(void)
{
	begin_two("max_db_connections = 2\nserver_check_delay = 0", "shop", "you");
	asks_in(pool_a, 0);
	all_dials_succeed();
	asks_in(pool_a, 1);
	all_dials_succeed();
	returns(1);
	asks_in(pool_a, 1); /* it is checked first */
	asks_in(pool_b, 2);
	tick_after(1);
	ok(waits(1) && waits(2) && retired_count == 0, "who waits in a pool keeps its servers");
	check_ends(true);
	ok(has_server(1), "and gets them");
	all_return(2);
	tick_after(1);
	all_dials_succeed();
	ok(has_server(2), "the other is next");
	returns(2);
	end();
}

static void test_user_limit(void)
{
	begin_two("max_user_connections = 1", "stock", "me");
	asks_in(pool_a, 0);
	asks_in(pool_b, 1);
	is_int(dialling_count, 1, "max_user_connections holds over all databases");
	is_int(pools_count_user(&pools, "me"), 1, "which are counted");
	all_dials_succeed();
	returns(0);
	tick_after(1);
	is_text(last_reason, "evicted", "one that rests elsewhere makes room");
	all_dials_succeed();
	ok(has_server(1), "here too");
	returns(1);
	end();
}

/* Those of replication clients have servers of their own, which count for the same size. */
static void test_namesakes(void)
{
	struct replication replication = {.mode = REPLICATION_PHYSICAL};

	begin("default_pool_size = 2", TWO_DATABASES);
	pool_a = find_pool("shop", "me");
	pool_b = pools_join(&pools, pool_a->database, "shop", "me", &replication);
	ok(pool_a != pool_b, "replication has a pool of its own");
	ok(namesakes_is_first(pool_a) && !namesakes_is_first(pool_b), "the older one stands for both");
	find_pool("stock", "me");
	is_int(namesakes_count(&pools), 2, "which are one by their names");
	asks_in(pool_a, 0);
	all_dials_succeed();
	returns(0);
	asks_in(pool_b, 1);
	asks_in(pool_b, 2);
	is_text(last_reason, "evicted", "an idle one makes room");
	all_dials_succeed();
	ok(has_server(1) && has_server(2), "for those of the other");
	is_int(namesakes_server_count(pool_a), 2, "they are counted together");
	asks_in(pool_a, 3);
	asks_in(pool_b, 4);
	tick_after(1);
	ok(waits(3) && waits(4) && dialling_count == 0, "who is beyond the size waits");
	pool_discard(&crowd[1].server, "left", now);
	is_int(dialling_count, 1, "until one has left");
	all_dials_succeed();
	pool_discard(&crowd[2].server, "left", now);
	is_int(dialling_count, 1, "whoever it is");
	all_dials_succeed();
	ok(has_server(3) && has_server(4), "and so do both get theirs");
	returns(3);
	pool_discard(&crowd[4].server, "left", now);
	pool_client_leaves(pool_b);
	end();
}

/* Whoever came first is next, whether a server that is there will do or another one has to be made. */
static void test_namesakes_in_turn(void)
{
	struct replication replication = {.mode = REPLICATION_PHYSICAL};

	begin("default_pool_size = 1", TWO_DATABASES);
	pool_a = find_pool("shop", "me");
	pool_b = pools_join(&pools, pool_a->database, "shop", "me", &replication);
	asks_in(pool_a, 0);
	all_dials_succeed();
	tick_after(1);
	asks_in(pool_a, 1);
	tick_after(1);
	asks_in(pool_b, 2);
	tick_after(1);
	asks_in(pool_a, 3);
	returns(0);
	ok(has_server(1) && waits(2), "who came before the other's keeps the turn");
	returns(1);
	is_text(last_reason, "evicted", "who came after them gives way");
	is_int(dialling_count, 1, "to a server for the other");
	all_dials_succeed();
	ok(has_server(2) && waits(3), "which gets it");
	pool_discard(&crowd[2].server, "left", now);
	all_dials_succeed();
	ok(has_server(3), "and then the next");
	asks_in(pool_b, 4);
	returns(3);
	all_dials_succeed();
	ok(has_server(4), "a server does not rest while somebody waits for its place");
	pool_discard(&crowd[4].server, "left", now);
	pool_client_leaves(pool_b);
	end();
}

static void test_own_limits(void)
{
	begin("default_pool_size = 9", "shop = host=127.0.0.1 pool_size=2\nstock = host=127.0.0.1");
	for (int i = 0; i < 5; i++)
		asks_in(find_pool("shop", "me"), i);
	is_int(dialling_count, 2, "a database's own size");
	for (int i = 0; i < 5; i++)
		asks_in(find_pool("stock", "me"), i + 5);
	is_int(dialling_count, 7, "does not count for others");
	for (int i = 0; i < 10; i++)
		pool_leave(crowd[i].pool, &crowd[i]);
	end();
}

/* --- new settings ------------------------------------------------------------------------- */

static void test_lowered_limits(void)
{
	begin_two("", "shop", "you");
	for (int i = 0; i < 6; i++)
		asks_in(pool_a, i);
	all_dials_succeed();
	for (int i = 0; i < 5; i++)
		returns(i);
	reload("default_pool_size = 4", TWO_DATABASES);
	is_int(pool_server_count(pool_a), 4, "a smaller size closes what rests beyond it");
	is_text(last_reason, "too many servers in the pool", "for that reason");
	ok(has_server(5), "what is lent stays");
	reload("max_db_connections = 2", TWO_DATABASES);
	asks_in(pool_b, 6);
	all_dials_succeed();
	ok(has_server(6), "a limit across pools");
	is_int(pools_count_database(&pools, "shop"), 2, "holds from the next login on");
	all_return(7);
	end();
}

/* What replication clients hold leaves less room for the others. */
static void test_lowered_limits_of_namesakes(void)
{
	struct replication replication = {.mode = REPLICATION_PHYSICAL};

	begin("default_pool_size = 6", TWO_DATABASES);
	pool_a = find_pool("shop", "me");
	pool_b = pools_join(&pools, pool_a->database, "shop", "me", &replication);
	for (int i = 0; i < 3; i++)
		asks_in(pool_a, i);
	for (int i = 3; i < 6; i++)
		asks_in(pool_b, i);
	all_dials_succeed();
	for (int i = 0; i < 3; i++)
		returns(i);
	reload("default_pool_size = 4", TWO_DATABASES);
	is_int(namesakes_server_count(pool_a), 4, "a smaller size holds for all together");
	is_int(pool_server_count(pool_a), 1, "and closes what rests");
	is_text(last_reason, "too many servers in the pool", "for that reason");
	for (int i = 3; i < 6; i++)
		pool_discard(&crowd[i].server, "left", now);
	pool_client_leaves(pool_b);
	end();
}

static void test_moved_database(void)
{
	begin_two("", "stock", "me");
	asks_in(pool_a, 0);
	asks_in(pool_a, 1);
	asks_in(pool_b, 2);
	all_dials_succeed();
	asks_in(pool_a, 3);
	returns(0);
	all_dials_succeed();
	returns(1);
	ok(has_server(3) && retired_count == 0, "one is lent, and two rest");
	reload("verbose = 1", "stock = host=127.0.0.1\nshop = host=127.0.0.1");
	is_int(retired_count, 0, "the same databases in another order change nothing");
	reload("", "shop = host=127.0.0.2\nstock = host=127.0.0.1");
	is_text(last_reason, "database configuration changed", "one that moved");
	ok(retired_count == 2 && pool_server_count(pool_a) == 1, "loses what rests");
	returns(3);
	is_int(pool_server_count(pool_a), 0, "and what comes back");
	returns(2);
	is_int(pool_server_count(pool_b), 1, "the other keeps all");
	asks_in(pool_a, 0);
	reload("", "shop = host=127.0.0.3\nstock = host=127.0.0.1");
	dial_succeeds();
	ok(waits(0), "a login that leads to the old place is of no use");
	dial_succeeds();
	ok(has_server(0), "one to the new place is");
	returns(0);
	end();
}

static void test_removed_database(void)
{
	struct failure why;

	begin_two("default_pool_size = 1", "stock", "me");
	asks_in(pool_a, 0);
	all_dials_succeed();
	asks_in(pool_a, 1);
	reload("", "stock = host=127.0.0.1");
	ok(crowd[1].refused, "who waits for a database that is removed is told so");
	ok(pool_refusal(pool_a, &why) && why.kind == FAILURE_NO_DATABASE, "by its name");
	ok(!asks_in(pool_a, 2) && crowd[2].refused && !waits(2), "and who still comes");
	returns(0);
	is_text(last_reason, "database was removed", "its servers are closed");
	is_int(pool_server_count(pool_a), 0, "all of them");
	reload("", TWO_DATABASES);
	ok(!asks_in(pool_a, 2) && crowd[2].refused, "it may come back, but not for those who had it");
	asks_in(find_pool("shop", "me"), 0);
	all_dials_succeed();
	ok(has_server(0), "only for those who come then");
	returns(0);
	end();
}

static void test_removed_where_star_stands(void)
{
	struct failure why;

	begin("", "shop = host=127.0.0.1 user=boss\n* = host=127.0.0.1");
	pool = find_pool("shop", "me");
	struct settings *before = settings_hold(pools.settings);
	const struct database *entry = pool->database;
	reload("", "* = host=127.0.0.1");
	ok(!asks(0) && crowd[0].refused, "no \"*\" takes the place of a database that is removed");
	ok(pool_refusal(pool, &why) && why.kind == FAILURE_DATABASE_REMOVED, "as is told");
	struct pool *by_star = find_pool("shop", "boss");
	ok(by_star != pool && by_star->database != NULL, "who comes by it has another pool");
	ok(pools_join(&pools, entry, "shop", "me", NULL) == pool,
	   "but not who comes by the old settings still");
	reload("", "mail = host=127.0.0.1\n* = host=127.0.0.1");
	ok(by_star->database != NULL && !by_star->is_removed, "one of \"*\" stays");
	settings_drop(before);
	end();
}

static void test_changed_user(void)
{
	begin("", "shop = host=127.0.0.1 user=boss");
	struct pool *boss = find_pool("shop", "me");
	reload("", "shop = host=127.0.0.1 user=you");
	struct pool *you = find_pool("shop", "me");
	ok(boss->is_superseded && !you->is_superseded, "a pool is left for that of another forced user");
	reload("", "shop = host=127.0.0.1 user=boss");
	ok(!boss->is_superseded && you->is_superseded, "and which one counts");
	reload("", "shop = host=127.0.0.1");
	struct pool *itself = find_pool("shop", "boss");
	ok(boss->is_removed && boss->database == NULL && itself != boss, "without any it ends");
	ok(!itself->is_superseded && itself->database != NULL, "and others are themselves");
	reload("", "shop = host=127.0.0.1 user=boss");
	ok(itself->is_superseded && boss->is_removed, "as long as nobody is forced on them");
	end();
}

static void test_forced_pools(void)
{
	begin("", "shop = host=127.0.0.1");
	reload("min_pool_size = 2", "shop = host=127.0.0.1\nstock = host=127.0.0.1 user=boss\n"
				    "* = host=127.0.0.1 user=boss");
	is_int(dialling_count, 2, "a forced user's pool is warm before the first client comes");
	is_text(dialling[0]->pool->database_name, "stock", "that of a named database");
	all_dials_succeed();
	end();
}

/* --- forgetting ---------------------------------------------------------------------------- */

/* A pool that a server has once agreed to a login for, and that has nobody. */
static struct pool *known_pool(const char *database, const char *user)
{
	struct pool *known = find_pool(database, user);
	parameters_change(&known->welcome, "server_version", "15.4");
	return known;
}

static bool is_there(const char *database)
{
	const struct pool *there = pools.first;
	while (there != NULL && strcmp(there->database_name, database) != 0)
		there = there->next;
	return there != NULL;
}

static size_t forget_after(double seconds)
{
	tick_after(seconds);
	return pools_forget_idle(&pools, now);
}

static void test_forgetting_those_of_star(void)
{
	begin("autodb_idle_timeout = 100", "shop = host=127.0.0.1\n* = host=127.0.0.1");
	known_pool("shop", "me");
	known_pool("idle", "me");
	known_pool("client", "me")->client_count = 1;
	pool = known_pool("server", "me");
	pool_pause(known_pool("paused", "me"), now);
	struct pool *private = pools_join_private(&pools, "private", "me");
	parameters_change(&private->welcome, "server_version", "15.4");
	pool_client_leaves(private);
	asks(0);
	all_dials_succeed();
	is_int(forget_after(0), 0, "none is forgotten at once");
	is_int(forget_after(99), 0, "nor before its time");
	ok(is_there("idle"), "and all are there");
	is_int(forget_after(1), 2, "those that nobody has used for so long are forgotten");
	ok(!is_there("idle"), "if \"*\" stands for its database");
	ok(is_there("shop"), "but not if that has an entry");
	ok(is_there("client") && is_there("server"), "nor one with a client, or a server");
	ok(is_there("paused"), "one that is paused");
	ok(!is_there("private"), "but not the daemon's own, which the next lookup makes anew");
	find_pool("client", "me")->client_count = 0;
	is_int(forget_after(1), 0, "the time begins");
	is_int(forget_after(99), 0, "when the last client has left");
	is_int(forget_after(1), 1, "and then it is forgotten, too");
	returns(0);
	end();
}

static void test_forgetting_those_left_behind(void)
{
	struct stats sum;

	begin("", "shop = host=127.0.0.1 user=me\nstock = host=127.0.0.1\nmail = host=127.0.0.1");
	known_pool("shop", "me")->shares[0].stats.query_count = 3;
	pool = known_pool("stock", "me");
	pool->client_count = 1;
	known_pool("mail", "me");
	pools_pause(&pools, NULL, now);
	is_int(forget_after(1000), 0, "nothing goes");
	reload("", "shop = host=127.0.0.1 user=you\nmail = host=127.0.0.1");
	is_int(forget_after(0), 1, "whose database has another forced user goes at once, paused or not");
	ok(!is_there("shop") && is_there("mail"), "another does not");
	ok(is_there("stock"), "nor one of a removed database while it has a client");
	pool_client_leaves(pool);
	is_int(forget_after(0), 1, "but then it goes");
	pools_stats(&pools, &sum);
	is_int(sum.query_count, 3, "what they have counted stays");
	end();
}

static void test_pause_of_the_removed(void)
{
	begin("", "shop = host=127.0.0.1\nstock = host=127.0.0.1");
	pool = find_pool("shop", "me");
	pools_pause(&pools, "shop", now);
	pools_pause(&pools, "stock", now);
	asks(0);
	ok(waits(0), "a borrower waits in a pause");
	reload("", "stock = host=127.0.0.1");
	ok(crowd[0].refused, "and is refused when its database goes");
	pools_resume_removed(&pools, now);
	ok(!pools_have_paused(&pools, "shop") && !pool->paused, "which is not paused any more");
	ok(pools_have_paused(&pools, "stock"), "while another is");
	reload("", "* = host=127.0.0.1");
	pools_resume_removed(&pools, now);
	ok(pools_have_paused(&pools, "stock"), "also when only \"*\" stands for it");
	end();
}

static void test_times_to_be_forgotten(void)
{
	static const struct {
		const char *general, *star;
		double of_star, of_entry; /* 0: never */
	} cases[] = {
		{"autodb_idle_timeout = 100", "", 100, 0},
		{"autodb_idle_timeout = 0", "", 0, 0},
		{"", "", 3600, 0},
		{"autodb_idle_timeout = 100\npool_idle_timeout = 50", "", 50, 50},
		{"autodb_idle_timeout = 50\npool_idle_timeout = 100", "", 50, 100},
		{"autodb_idle_timeout = 0\npool_idle_timeout = 100", "", 100, 100},
		{"autodb_idle_timeout = 50\npool_idle_timeout = 100", "min_pool_size=1", 0, 100},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char databases[100];
		snprintf(databases, sizeof databases, "shop = host=127.0.0.1\n* = host=127.0.0.1 %s",
			 cases[i].star);
		begin(cases[i].general, databases);
		known_pool("shop", "me");
		known_pool("other", "me");
		double of_star = 0;
		double of_entry = 0;
		forget_after(0);
		for (int second = 1; second <= 4000; second++) {
			forget_after(1);
			if (of_star == 0 && !is_there("other"))
				of_star = second;
			if (of_entry == 0 && !is_there("shop"))
				of_entry = second;
		}
		is_int((int)of_star, (int)cases[i].of_star, "%s %s: one of *", cases[i].general,
		       cases[i].star);
		is_int((int)of_entry, (int)cases[i].of_entry, "... one with an entry");
		end();
	}
}

/* --- stopping and numbers ----------------------------------------------------------------- */

static void test_stopping(void)
{
	struct failure why;

	begin_two("default_pool_size = 2", "stock", "me");
	asks_in(pool_a, 0);
	asks_in(pool_a, 1);
	all_dials_succeed();
	returns(1);
	asks_in(pool_b, 2);
	pools_stop(&pools, now);
	is_int(pool_server_count(pool_a), 1, "the end closes what rests");
	ok(crowd[2].refused && pool_refusal(pool_b, &why) &&
		   why.kind == FAILURE_SERVER_SHUTTING_DOWN,
	   "and refuses who waits");
	ok(!asks_in(pool_a, 3) && crowd[3].refused, "and who comes");
	dial_succeeds();
	is_int(pool_server_count(pool_b), 0, "a late login is closed");
	returns(0);
	is_int(pools_server_count(&pools), 0, "and what comes back");
	end();
}

static void test_welcome(void)
{
	begin("", "shop = host=127.0.0.1");
	pool = find_pool("shop", "me");
	ok(pool->welcome == parameters_empty(pools.parameters), "at first nothing is reported");
	asks(0);
	struct server *server = dialling[0];
	dialling_count = 0;
	parameters_assign(&server->reported, parameters_empty(pools.parameters));
	parameters_change(&server->reported, "server_version", "15.4");
	pool_dial_succeeded(server, now);
	is_text(parameters_get(pool->welcome, "server_version"), "15.4",
		"then what the newest server said");
	returns(0);
	end();
}

static struct stats totals, average;

static void averages_at(int64_t time)
{
	pool_stats(pool, &totals);
	stats_average(&average, stats_past_before(&pool->past, &pools.periods), &totals,
		      time - pools.periods.last_began_at);
}

static void test_averages(void)
{
	begin("", "shop = host=127.0.0.1");
	pool = find_pool("shop", "me");
	pool->shares[0].stats.query_count = 20;
	pool->shares[0].stats.query_time = 1000;
	pool->shares[0].stats.xact_count = 0;
	pool->shares[0].stats.xact_time = 0;
	averages_at(2 * SECOND);
	is_int(average.query_count, 10,
	       "counts are averaged over seconds, already in the first period");
	is_int(average.query_time, 50, "times over what took them");
	is_int(average.xact_time, 0, "of which there may be none");
	pools_end_period(&pools, 10 * SECOND);
	averages_at(10 * SECOND);
	is_int(average.query_count, 2, "of a period that has ended");
	pool->shares[0].stats.query_count += 20;
	averages_at(20 * SECOND);
	is_int(average.query_count, 2, "with what came since");
	stats_periods_next(&pools.periods, 20 * SECOND);
	averages_at(30 * SECOND);
	is_int(average.query_count, 1, "the last period alone, before its snapshot has been taken");
	stats_past_keep(&pool->past, &pools.periods, &totals);
	averages_at(30 * SECOND);
	is_int(average.query_count, 1, "and after it");
	pool->shares[0].stats.query_count += 1;
	pool->shares[0].stats.query_time += 7;
	pools_end_period(&pools, 30 * SECOND);
	averages_at(31 * SECOND);
	ok(average.query_count == 0 && average.query_time == 7, "and the one after that");
	struct stats sum;
	pool_stats(pool, &sum);
	stats_add(&sum, &pool->shares[0].stats);
	is_int(sum.query_count, 82, "counters are summed");
	end();
}

int main(void)
{
	test_finding();
	test_many_pools();
	test_paused_from_birth();
	test_pause_of_all();
	test_database_limit();
	test_no_eviction_where_others_wait();
	test_user_limit();
	test_namesakes();
	test_namesakes_in_turn();
	test_own_limits();
	test_lowered_limits();
	test_lowered_limits_of_namesakes();
	test_moved_database();
	test_removed_database();
	test_removed_where_star_stands();
	test_changed_user();
	test_forced_pools();
	test_forgetting_those_of_star();
	test_forgetting_those_left_behind();
	test_pause_of_the_removed();
	test_times_to_be_forgotten();
	test_stopping();
	test_welcome();
	test_averages();
	return done();
}
