/* All of the configuration: defaults, every kind of fault, and what is made of a file without one. */
#include "conf/settings.h"

#include <fcntl.h>
#include <unistd.h>

#include "conf/table.h"
#include "tests/unit/faults.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define HEAD "[millpond]\nauth_type = trust\n"

static struct settings *load(const char *text, struct fault_list *faults)
{
	fault_list_init(faults);
	return settings_load(scratch_write("test.ini", text), faults);
}

/* A file that must be good; its settings are to be dropped. */
static struct settings *load_good(const char *text)
{
	struct fault_list faults;
	struct settings *settings = load(text, &faults);

	if (!settings) {
		ok(false, "the file is good");
		show(&faults);
		exit(1);
	}
	fault_list_release(&faults);
	return settings;
}

/* `body` stands behind the two lines of HEAD; the fault must be the only one. */
static void is_refused(const char *body, int line, const char *words)
{
	struct fault_list faults;
	struct settings *settings;
	char *text;

	if (asprintf(&text, HEAD "%s", body) < 0)
		abort();
	settings = load(text, &faults);
	if (!ok(!settings && faults.count == 1 && has_fault(&faults, line, words), "refused: %s",
		words))
		show(&faults);
	settings_drop(settings);
	fault_list_release(&faults);
	free(text);
}

static void is_accepted(const char *body, const char *note_words)
{
	struct fault_list faults;
	struct settings *settings;
	char *text;

	if (asprintf(&text, "[databases]\nx=\n" HEAD "%s", body) < 0)
		abort();
	settings = load(text, &faults);
	if (note_words)
		ok(settings && settings->notes.count == 1 &&
			   has_fault(&settings->notes, 5, note_words),
		   "accepted with a note: %s", note_words);
	else
		ok(settings && settings->notes.count == 0, "accepted: %.*s",
		   (int)strcspn(body, "\n"), body);
	show(settings ? &settings->notes : &faults);
	settings_drop(settings);
	fault_list_release(&faults);
	free(text);
}

static bool find_row(const struct settings *settings, const char *name, struct setting_row *row)
{
	for (size_t i = 0; settings_row(settings, i, row); i++) {
		if (strcmp(row->key, name) == 0)
			return true;
	}
	return false;
}

static void test_defaults(void)
{
	struct settings *settings = load_good(HEAD);
	struct setting_row row;
	for (size_t i = 0; settings_row(settings, i, &row); i++) {
		ok(setting_table[i].help && *setting_table[i].help, "%s is explained", row.key);
		is_int(setting_index(row.key), i, "%s stands once in the table", row.key);
		ok(!foreign_setting_find(row.key), "%s is ours", row.key);
		if (strcmp(row.key, "auth_type") != 0 && strcmp(row.key, "conffile") != 0)
			is_text(row.value, row.default_value, "%s has its default", row.key);
	}
	ok(!settings_row(settings, SETTING_COUNT, &row), "there is no row behind the last");

	is_int(settings->query_wait_timeout_us, 120000000, "times are microseconds");
	is_int(settings->unix_socket_mode, 0777, "the mode is octal");
	is_int(settings->pool_mode, POOL_SESSION, "session pooling");
	is_int(settings->syslog_facility, FACILITY_DAEMON, "facility");
	ok(!settings->server_login_retry_is_set, "server_login_retry is not set");
	ok(settings->path[0] == '/', "the path is absolute");
	settings_drop(settings);
}

static void test_values(void)
{
	struct settings *settings = load_good("[pgbouncer]\nauth_type = any\n"
					      "listen_addr = 127.0.0.1, ::1\n"
					      "listen_port = 0x1F90\n"
					      "pool_mode = Transaction\n"
					      "server_login_retry = 15\n"
					      "server_idle_timeout = 1.5min\n"
					      "log_connections = off\n"
					      "unix_socket_mode = 0700\n"
					      "server_reset_query =\n"
					      "server_check_query = select ';' -- # no comment\n"
					      "syslog_facility = local3\n"
					      "tcp_defer_accept = 45\n"
					      "default_pool_size = 5\n"
					      "[millpond]\n"
					      "default_pool_size = 7\n");
	struct setting_row row;

	is_int(settings->auth_type, AUTH_ANY, "auth_type");
	is_text(settings->listen_addr, "127.0.0.1, ::1", "listen_addr");
	is_int(settings->listen_port, 8080, "hexadecimal");
	is_int(settings->pool_mode, POOL_TRANSACTION, "a choice in capitals");
	ok(settings->server_login_retry_is_set, "server_login_retry is set, to its default");
	is_int(settings->server_idle_timeout_us, 90000000, "a time with a unit");
	ok(!settings->log_connections, "a flag");
	is_text(settings->server_reset_query, "", "an empty value");
	is_text(settings->server_check_query, "select ';' -- # no comment", "comment characters");
	is_int(settings->syslog_facility, FACILITY_LOCAL3, "the number of openlog()");
	is_int(settings->tcp_defer_accept, 45, "as PgBouncer's manual has it");
	is_int(settings->default_pool_size, 7, "a later line wins, in either section");

	ok(find_row(settings, "unix_socket_mode", &row), "there is a row");
	is_text(row.value, "0700", "in octal");
	find_row(settings, "pool_mode", &row);
	is_text(row.value, "transaction", "in words");
	find_row(settings, "log_connections", &row);
	is_text(row.value, "0", "as a number");
	find_row(settings, "server_idle_timeout", &row);
	is_text(row.value, "90", "in seconds");
	settings_drop(settings);
}

static void test_long_value(void)
{
	struct settings *settings;
	struct setting_row row;
	char *text = malloc(20000), *value = malloc(12000);

	memset(value, 'u', 11999);
	value[11999] = '\0';
	sprintf(text, HEAD "admin_users = %s\n", value);
	settings = load_good(text);
	is_text(settings->admin_users, value, "a value of 12 kB");
	find_row(settings, "admin_users", &row);
	is_int(strlen(row.value), sizeof(row.value) - 1, "its row is full");
	is_text(row.value + sizeof(row.value) - 4, "...", "and says that there is more");
	settings_drop(settings);
	free(text);
	free(value);
}

static void test_faults(void)
{
	is_refused("defualt_pool_size = 5\n", 3,
		   "unknown setting \"defualt_pool_size\"; did you mean \"default_pool_size\"?");
	is_refused("auth_fil = x\n", 3, "did you mean \"auth_file\"?");
	is_refused("colour = blue\n", 3, "unknown setting \"colour\"");
	is_refused("listen_port = 99999\n", 3,
		   "listen_port: \"99999\" is not a whole number from 1 to 65535");
	is_refused("listen_port = \n", 3, "listen_port: \"\" is not");
	is_refused("max_client_conn = -1\n", 3, "from 0 to");
	is_refused("unix_socket_mode = 0888\n", 3, "is not an octal number from 0 to 0777");
	is_refused("pool_mode = transactional\n", 3,
		   "pool_mode: \"transactional\" is not one of \"session\", \"transaction\" or "
		   "\"statement\"; did you mean \"transaction\"?");
	is_refused("server_lifetime = soon\n", 3, "server_lifetime: \"soon\" is not a time");
	is_refused("server_lifetime = 10 sec\n", 3, "did you mean \"10s\"?");
	is_refused("server_lifetime = 2.5 minutes\n", 3, "did you mean \"2.5min\"?");
	is_refused("log_stats = 2\n", 3, "log_stats: \"2\" is neither 1");
	is_refused("stats_period = 0\n", 3, "must be more than 0");
	is_refused("workers = 1025\n", 3, "workers: \"1025\" is not a whole number from 0 to 1024");
	is_refused("auth_type = hba\n", 3, "auth_type: \"hba\" needs auth_hba_file");
	is_refused("auth_type = cert\n", 3, "auth_type: \"cert\" needs client_tls_sslmode");
	is_refused("auth_type = kerberos\n", 3, "auth_type: \"kerberos\" is not one of");
	is_refused("peer_id = 16384\n", 3, "peer_id: \"16384\" is not a whole number from 0 to 16383");
	is_refused("max_prepared_statements = -1\n", 3, "max_prepared_statements");
	is_refused("[usres]\nx = pool_size=1\n", 3,
		   "unknown section \"usres\"; did you mean \"users\"?");
	is_refused("[Databases]\nx = host=a\n", 3, "did you mean \"databases\"?");
	is_refused("[peers]\none = host=a\n", 4, "peer \"one\": its name must be the peer_id");
	is_refused("[peers]\n0 = host=a\n", 4, "a number from 1 to 65535");
	is_refused("[peers]\n65536 = host=a\n", 4, "a number from 1 to 65535");
	is_refused("[peers]\n1 =\n", 4, "peer \"1\": host is missing");
	is_refused("[peers]\n1 = host=a,b\n", 4, "host can only be one");
	is_refused("[peers]\n1 = host=a port=0\n", 4, "peer \"1\": port");
	is_refused("[peers]\n1 = host=a hots=b\n", 4, "unknown key \"hots\"; did you mean \"host\"?");
	is_refused("[peers]\n1 = host='a\n", 4, "peer \"1\": at character");
	is_refused("word\n", 3, "there is no \"=\"");
	is_refused("%include nothing.ini\n", 3, "nothing.ini");
	is_refused("[databases]\nx = hots=a\n", 4,
		   "database \"x\": unknown key \"hots\"; did you mean \"host\"?");
	is_refused("[users]\nx = pool_sise=1\n", 4, "user \"x\": unknown key \"pool_sise\"");
}

static void test_all_faults_at_once(void)
{
	struct fault_list faults;
	struct settings *settings;

	settings = load("before = 1\n[millpond]\npool_mode = x\nlisten_port = y\n[databases]\n"
			"pgbouncer = host=a\nx = port=0 pool_size=-1\n[bad]\n",
			&faults);
	ok(!settings, "nothing is loaded");
	ok(has_fault(&faults, 1, "before any section"), "line 1");
	ok(has_fault(&faults, 3, "pool_mode"), "line 3");
	ok(has_fault(&faults, 4, "listen_port"), "line 4");
	ok(has_fault(&faults, 6, "reserved for the console"), "line 6");
	ok(has_fault(&faults, 7, "invalid port"), "line 7");
	ok(has_fault(&faults, 7, "pool_size"), "line 7 once more");
	ok(has_fault(&faults, 8, "unknown section"), "line 8");
	is_int(faults.count, 7, "and nothing else");
	fault_list_release(&faults);
}

/* As the program prints them. */
static void test_print(void)
{
	struct fault_list faults;
	char *text = NULL;
	size_t length;
	FILE *stream = open_memstream(&text, &length);

	fault_list_init(&faults);
	fault_add(&faults, "a.ini", 12, "unknown setting \"%s\"", "x");
	fault_add(&faults, "b.ini", 0, "cannot read \x1B[2J\n");
	fault_list_print(&faults, stream);
	fclose(stream);
	is_text(text, "a.ini:12: unknown setting \"x\"\nb.ini: cannot read ?[2J?\n",
		"as it is printed");
	fault_list_release(&faults);
	free(text);
}

static void test_foreign(void)
{
	is_accepted("pkt_buf = 8192\n", "\"pkt_buf\" has no effect");
	is_accepted("track_extra_parameters = IntervalStyle\n", NULL);
	is_accepted("so_reuseport = 1\n", NULL);
	is_accepted("disable_pqexec = 1\n", NULL);
	is_accepted("service_name = x\n", "has no effect");
	is_accepted("max_prepared_statements = 0\n", NULL);
	is_accepted("peer_id = 0x10\n", NULL);
	is_accepted("auth_file =\n", NULL);
	is_accepted("client_tls_sslmode = disable\n", NULL);
	is_accepted("server_tls_sslmode = prefer\n", NULL);
}

static void test_notes(void)
{
	is_accepted("min_pool_size = 30\n", "min_pool_size is 30");
	is_accepted("default_pool_size = 0\n", "default_pool_size is 0");
	is_accepted("reserve_pool_timeout = 0\nreserve_pool_size = 1\n", "never be used");
	is_accepted("unix_socket_dir =\nlisten_addr = *\n", NULL);
	is_accepted("listen_addr = \nunix_socket_dir =\n", "neither listen_addr nor");
	is_accepted("[databases]\n", NULL);

	struct settings *settings = load_good("[databases]\nx = user=u\n* =\n[millpond]\nauth_type = any\n");
	ok(settings->notes.count == 1 && has_fault(&settings->notes, 5, "nobody can log in to \"*\""),
	   "auth_type any and a database without a user");
	settings_drop(settings);
}

static void test_lists(void)
{
	ok(settings_list_has("a,b", "a"), "the first");
	ok(settings_list_has("a, b", "b"), "the last, after a blank");
	ok(settings_list_has("  a  ", "a"), "blanks around");
	ok(settings_list_has("x,my user,y", "my user"), "a blank inside");
	ok(settings_list_has("a b", "a") && settings_list_has("x, a  b\t,y", "b"),
	   "words between blanks");
	ok(!settings_list_has("a b c", "b c"), "but not two of three");
	ok(!settings_list_has("a b", "") && !settings_list_has("ab c", "b"), "nor a part of one");
	ok(!settings_list_has("a,b", "c"), "not in it");
	ok(!settings_list_has("ab", "a"), "a beginning");
	ok(!settings_list_has("a", "ab"), "a longer word");
	ok(!settings_list_has("", "a"), "an empty list");
	ok(!settings_list_has("a,,b", ""), "the empty word");
	ok(!settings_list_has("a", "A"), "another case");
	ok(settings_list_has(",,a", "a"), "after empty items");

	struct settings *settings = load_good(HEAD "track_extra_parameters = search_path, Work_Mem\n");
	ok(settings_track(settings, "SEARCH_PATH") && settings_track(settings, "work_mem"),
	   "parameters to be tracked have no case");
	ok(!settings_track(settings, "IntervalStyle"), "and the list replaces the default");
	settings_drop(settings);
}

static void test_find(void)
{
	struct settings *settings =
		load_good("[databases]\nb = host=b\na = host=a\nb = host=later\n* = host=any\n"
			  "[users]\nz = pool_size=1\ny=pool_size=2\nz = pool_size=3\n"
			  "[databases]\nmore = host=more\n" HEAD);

	is_int(settings->database_count, 4, "each name once");
	is_text(settings_find_database(settings, "a")->host, "a", "a database");
	is_text(settings_find_database(settings, "b")->host, "later", "the later line wins");
	is_text(settings_find_database(settings, "more")->host, "more", "of the second section");
	is_text(settings_find_database(settings, "other")->host, "any", "the fallback");
	is_text(settings_find_database(settings, "B")->host, "any", "names have a case");
	ok(!settings_find_database(settings, "pgbouncer"), "the console is no entry");
	ok(!settings_find_database(settings, "millpond"), "by either name");
	is_int(settings_find_user(settings, "z")->pool_size, 3, "a user; the later line wins");
	ok(!settings_find_user(settings, "x"), "no such user");
	settings_drop(settings);

	settings = load_good("[databases]\na = host=a\n" HEAD);
	ok(!settings_find_database(settings, "b"), "no fallback");
	settings_drop(settings);
}

static void test_many(void)
{
	enum { MANY = 5000 };
	char *text = malloc(MANY * 120), *end = text;
	struct settings *settings;
	char name[32];
	int found = 0;

	end += sprintf(end, HEAD "[databases]\n");
	for (int i = 0; i < MANY; i++)
		end += sprintf(end, "db%d = host=10.0.0.1 port=%d\n", (i * 7919) % MANY, i + 1);
	end += sprintf(end, "[users]\n");
	for (int i = 0; i < MANY; i++)
		end += sprintf(end, "user%d = pool_size=%d\n", (i * 7919) % MANY, i);
	settings = load_good(text);
	is_int(settings->database_count, MANY, "many databases");
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "db%d", (i * 7919) % MANY);
		found += atoi(settings_find_database(settings, name)->port) == i + 1;
		snprintf(name, sizeof(name), "user%d", (i * 7919) % MANY);
		found += settings_find_user(settings, name)->pool_size == i;
	}
	is_int(found, 2 * MANY, "each is found");
	settings_drop(settings);
	free(text);
}

static void test_holders(void)
{
	struct settings *settings = load_good(HEAD);
	struct settings *same = settings_hold(settings);

	ok(same == settings, "hold returns the same");
	settings_drop(settings);
	is_int(same->listen_port, 6432, "still there for the second holder");
	settings_drop(same);
	settings_drop(NULL);
}

static void test_relative_path(void)
{
	struct fault_list faults;
	struct settings *settings;

	scratch_write("relative.ini", HEAD);
	fault_list_init(&faults);
	if (chdir(scratch_dir()) < 0)
		abort();
	settings = settings_load("relative.ini", &faults);
	if (chdir("/") < 0)
		abort();
	is_text(settings->path, scratch_path("relative.ini"), "a relative path becomes absolute");
	settings_drop(settings);
	fault_list_release(&faults);
}

int main(void)
{
	test_defaults();
	test_values();
	test_long_value();
	test_faults();
	test_all_faults_at_once();
	test_print();
	test_foreign();
	test_notes();
	test_lists();
	test_find();
	test_many();
	test_holders();
	test_relative_path();
	return done();
}
