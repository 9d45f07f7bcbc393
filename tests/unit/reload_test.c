/* New settings take the place of old ones: what is said about it, what waits, and which value counts. */
#include <unistd.h>

#include "conf/settings.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define HEAD "[millpond]\nauth_type = trust\n"

static struct settings *load(const char *text)
{
	struct fault_list faults;
	struct settings *settings;

	fault_list_init(&faults);
	settings = settings_load(scratch_write("test.ini", text), &faults);
	if (!settings) {
		ok(false, "the file is good");
		fault_list_print(&faults, stdout);
		exit(1);
	}
	fault_list_release(&faults);
	return settings;
}

static char report[4096];

static void note_line(void *context, const char *line)
{
	is_text(context, "context", "the context is passed on");
	strcat(report, line);
	strcat(report, "\n");
}

static struct settings *reload(const struct settings *old, const char *text,
			       struct fault_list *faults)
{
	static char context[] = "context";

	report[0] = '\0';
	fault_list_init(faults);
	scratch_write("test.ini", text);
	return settings_reload(old, faults, note_line, context);
}

static void test_reload(void)
{
	struct settings *old = load(HEAD "listen_port = 6000\nlogfile = /a\nuser=me\n"
					 "[databases]\na=host=a\nb=host=b\nc=host=c\n"
					 "[users]\nu=pool_size=1\nv=pool_size=1\n");
	struct fault_list faults;
	struct settings *new;

	new = reload(old,
		     HEAD "listen_port = 6001\ndefault_pool_size = 40\nserver_lifetime = 1.5\n"
			  "pool_mode = transaction\nlog_stats = no\nunix_socket_mode = 0700\n"
			  "[databases]\nb=host=b\nc=host=other\nd=host=d\n"
			  "[users]\nv=pool_size=2\nw=pool_size=1\n",
		     &faults);
	ok(new &&faults.count == 0, "a good file is taken");
	is_text(report,
		"default_pool_size: 20 -> 40\n"
		"listen_port: 6000 -> 6001 (takes a restart)\n"
		"log_stats: 1 -> 0\n"
		"logfile: /a -> (empty)\n"
		"pool_mode: session -> transaction\n"
		"server_lifetime: 3600 -> 1.5\n"
		"unix_socket_mode: 0777 -> 0700 (takes a restart)\n"
		"user: me -> (empty) (takes a restart)\n"
		"database \"a\": removed\n"
		"database \"c\": changed\n"
		"database \"d\": added\n"
		"user \"u\": removed\n"
		"user \"v\": changed\n"
		"user \"w\": added\n",
		"each difference is told");
	is_int(new->listen_port, 6000, "what takes a restart keeps its value");
	is_int(new->unix_socket_mode, 0777, "a mode as well");
	is_text(new->user, "me", "and a text");
	is_int(new->default_pool_size, 40, "the rest is new");
	is_text(new->logfile, "", "and what is left out goes back to its default");
	is_text(new->path, old->path, "the path is the same");
	settings_drop(old);
	is_text(new->user, "me", "new settings need nothing of the old ones");

	old = new;
	new = reload(old, HEAD "listen_port = soon\nuser = me\n", &faults);
	is_int(faults.count, 1, "a faulty file is known as such");
	is_text(report, "", "and nothing is reported as changed");
	is_text(new->user, "me", "but what else is wrong with it can be looked for");
	settings_drop(new);
	fault_list_release(&faults);
	unlink(old->path);
	new = settings_reload(old, &faults, note_line, NULL);
	is_int(faults.count, 1, "as is one that has gone");
	settings_drop(new);
	fault_list_release(&faults);
	settings_drop(old);
}

static void test_same(void)
{
	struct settings *old = load(HEAD "[databases]\n* = host=a passfile=one\n[users]\na=\n");
	struct fault_list faults;
	struct settings *new;

	new = reload(old, HEAD "[databases]\n* = host=a passfile=one\n[users]\na=\n", &faults);
	is_text(report, "", "nothing has changed");
	settings_drop(new);
	new = reload(old, HEAD, &faults);
	is_text(report, "database \"*\": removed\nuser \"a\": removed\n", "all entries removed");
	settings_drop(new);
	settings_drop(old);
}

static void test_secrets(void)
{
	struct settings *old = load(HEAD "[databases]\na = user=u password=old-secret\n");
	struct fault_list faults;
	struct settings *new;

	new = reload(old, HEAD "[databases]\na = user=u password=new-secret\n", &faults);
	is_text(report, "database \"a\": changed\n",
		"a new password is a change, and is not shown");
	settings_drop(new);
	settings_drop(old);
}

static void test_effective(void)
{
	struct settings *settings = load(
		"[databases]\nnone=\nall=pool_size=11 min_pool_size=3 reserve_pool_size=12 "
		"max_db_connections=13 server_lifetime=14 query_wait_timeout=15 "
		"pool_mode=transaction\n"
		"forced=user=f pool_size=16\nonce=server_lifetime=0 pool_size=1 min_pool_size=2\n"
		"[users]\nfull=pool_size=21 reserve_pool_size=22 pool_mode=statement "
		"query_wait_timeout=23 max_user_connections=24 query_timeout=25 "
		"transaction_timeout=26 idle_transaction_timeout=27 client_idle_timeout=28\n"
		"zero=query_timeout=0 query_wait_timeout=0\n" HEAD "query_timeout=5\n"
		"reserve_pool_size=6\nmin_pool_size=1\n");
	const struct database *none = settings_find_database(settings, "none");
	const struct database *all = settings_find_database(settings, "all");
	const struct database *forced = settings_find_database(settings, "forced");
	const struct database *once = settings_find_database(settings, "once");
	const struct user_settings *full = settings_find_user(settings, "full");
	const struct user_settings *zero = settings_find_user(settings, "zero");

	is_int(settings_pool_size(settings, NULL, NULL), 20, "pool_size: general");
	is_int(settings_pool_size(settings, none, zero), 20, "not set anywhere else");
	is_int(settings_pool_size(settings, all, NULL), 11, "the database's");
	is_int(settings_pool_size(settings, all, full), 21, "the user's comes first");
	is_int(settings_pool_size(settings, forced, full), 21, "also of a forced user");
	is_int(settings_reserve_pool_size(settings, none, NULL), 6, "reserve_pool_size: general");
	is_int(settings_reserve_pool_size(settings, all, NULL), 12, "the database's");
	is_int(settings_reserve_pool_size(settings, all, full), 22, "the user's");
	is_int(settings_reserve_pool_size(settings, forced, full), 22, "also of a forced user");
	is_int(settings_pool_mode(settings, none, NULL), POOL_SESSION, "pool_mode: general");
	is_int(settings_pool_mode(settings, all, NULL), POOL_TRANSACTION, "the database's");
	is_int(settings_pool_mode(settings, all, full), POOL_STATEMENT, "the user's");
	is_int(settings_pool_mode(settings, forced, full), POOL_STATEMENT, "also of a forced user");
	is_int(settings_min_pool_size(settings, none, NULL), 1, "min_pool_size: general");
	is_int(settings_min_pool_size(settings, all, full), 3, "the database's");
	is_int(settings_min_pool_size(settings, once, NULL), 1, "never more than the pool holds");
	is_int(settings_max_db_connections(settings, none), 0, "max_db_connections: general");
	is_int(settings_max_db_connections(settings, all), 13, "the database's");
	is_int(settings_max_user_connections(settings, NULL), 0, "max_user_connections: general");
	is_int(settings_max_user_connections(settings, full), 24, "the user's");
	is_int(settings_server_lifetime_us(settings, none), 3600000000, "server_lifetime: general");
	is_int(settings_server_lifetime_us(settings, all), 14000000, "the database's");
	is_int(settings_server_lifetime_us(settings, once), 3600000000, "0 there is not set");

	is_int(settings_query_wait_timeout_us(settings, none, NULL), 120000000,
	       "query_wait_timeout");
	is_int(settings_query_wait_timeout_us(settings, all, NULL), 15000000, "the database's");
	is_int(settings_query_wait_timeout_us(settings, all, full), 23000000, "the user's");
	is_int(settings_query_wait_timeout_us(settings, forced, full), 23000000,
	       "a client has its own user, whatever the pool's");
	is_int(settings_query_wait_timeout_us(settings, all, zero), 0, "0 is a value");
	is_int(settings_query_timeout_us(settings, NULL), 5000000, "query_timeout");
	is_int(settings_query_timeout_us(settings, full), 25000000, "the user's");
	is_int(settings_query_timeout_us(settings, zero), 0, "which may be off");
	is_int(settings_transaction_timeout_us(settings, NULL), 0, "transaction_timeout");
	is_int(settings_transaction_timeout_us(settings, full), 26000000, "the user's");
	is_int(settings_idle_transaction_timeout_us(settings, NULL), 0, "idle_transaction_timeout");
	is_int(settings_idle_transaction_timeout_us(settings, full), 27000000, "the user's");
	is_int(settings_client_idle_timeout_us(settings, NULL), 0, "client_idle_timeout");
	is_int(settings_client_idle_timeout_us(settings, full), 28000000, "the user's");
	settings_drop(settings);
}

/* The file that is installed must be one that can be used. */
static void test_sample(void)
{
	struct fault_list faults;
	struct settings *settings;

	fault_list_init(&faults);
	settings = settings_load("conf/millpond.ini", &faults);
	ok(settings != NULL, "the sample file is good");
	fault_list_print(&faults, stdout);
	ok(settings && settings->notes.count == 0, "and nothing about it is odd");
	ok(settings && settings->database_count > 0, "it has a database");
	settings_drop(settings);
	fault_list_release(&faults);
}

int main(void)
{
	test_sample(); /* first: it is found from the top of the tree */
	test_reload();
	test_same();
	test_secrets();
	test_effective();
	return done();
}
