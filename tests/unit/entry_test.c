/* A line of [databases] or [users]: its keys, what libpq gets, and what cannot be. */
#include "conf/entry.h"

#include <stdlib.h>
#include <unistd.h>

#include "conf/keyword.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static struct fault_list faults, notes;

static void forget(void)
{
	fault_list_release(&faults);
	fault_list_release(&notes);
}

static void parse(struct database *database, const char *name, const char *value)
{
	struct ini_entry entry = {
		.file = "x.ini", .line = 7, .section = "databases", .key = name, .value = value};

	forget();
	*database = (struct database){0};
	database_parse(database, &entry, &faults, &notes);
	for (size_t i = 0; i < faults.count; i++)
		note("%s", faults.faults[i].text);
}

static void parse_user(struct user_settings *user, const char *value)
{
	struct ini_entry entry = {
		.file = "x.ini", .line = 8, .section = "users", .key = "app", .value = value};

	forget();
	*user = (struct user_settings){0};
	user_settings_parse(user, &entry, &faults, &notes);
}

static bool is_only(const struct fault_list *list, const char *words)
{
	return list->count == 1 && strstr(list->faults[0].text, words);
}

static void is_refused(const char *value, const char *words)
{
	struct database database;

	parse(&database, "shop", value);
	ok(is_only(&faults, words) && faults.faults[0].line == 7, "{%s}: %s", value, words);
	database_release(&database);
}

/* The keywords as `keyword=value|`. */
static void libpq_gets(const char *value, const char *wanted)
{
	struct database database;
	char got[2048] = "";

	parse(&database, "shop", value);
	for (char **word = database.libpq_keywords; word && *word; word += 2) {
		strcat(got, word[0]);
		strcat(got, "=");
		strcat(got, word[1]);
		strcat(got, "|");
	}
	is_text(got, wanted, "libpq: {%s}", value);
	is_int(faults.count, 0, "without a fault");
	database_release(&database);
}

/* In an entry; in the main section a number with a zero in front is octal. */
static void test_zeros_in_front(void)
{
	struct database database;
	struct user_settings user;

	parse(&database, "zeros",
	      "pool_size=010 min_pool_size=08 reserve_pool=00 max_db_connections=0x10 max_db_client_connections=0012");
	is_int(faults.count + notes.count, 0, "zeros in front");
	is_int(database.pool_size, 10, "010");
	is_int(database.min_pool_size, 8, "08");
	is_int(database.reserve_pool_size, 0, "00");
	is_int(database.max_db_connections, 16, "0x10");
	is_int(database.max_db_client_connections, 12, "0012");
	database_release(&database);
	parse_user(&user, "pool_size=010 max_user_client_connections=011");
	is_int(user.pool_size, 10, "of a user");
	is_int(user.max_user_client_connections, 11, "of a user's clients");
	user_settings_release(&user);
}

static void test_keys(void)
{
	struct database database;

	parse(&database, "empty", "");
	is_text(database.name, "empty", "the name");
	ok(!database.dbname && !database.host && !database.port && !database.user &&
		   !database.password && !database.connect_query && !database.libpq_keywords,
	   "nothing is set in an empty entry");
	is_int(database.pool_size, SETTING_UNSET, "pool_size");
	is_int(database.min_pool_size, SETTING_UNSET, "min_pool_size");
	is_int(database.reserve_pool_size, SETTING_UNSET, "reserve_pool_size");
	is_int(database.max_db_connections, SETTING_UNSET, "max_db_connections");
	is_int(database.server_lifetime_us, SETTING_UNSET, "server_lifetime");
	is_int(database.query_wait_timeout_us, SETTING_UNSET, "query_wait_timeout");
	is_int(database.pool_mode, POOL_MODE_UNSET, "pool_mode");
	database_release(&database);

	parse(&database, "full",
	      "dbname=d host=a,b port=1,2 user=u password='p''w' connect_query='select 1; --'"
	      " pool_size=3 min_pool_size=1 reserve_pool_size=2 max_db_connections=9"
	      " server_lifetime=60 query_wait_timeout=1.5 pool_mode=statement");
	is_int(faults.count + notes.count, 0, "every key");
	is_text(database.dbname, "d", "dbname");
	is_text(database.host, "a,b", "host");
	is_text(database.port, "1,2", "port");
	is_text(database.user, "u", "user");
	is_text(database.password, "p'w", "password");
	is_text(database.connect_query, "select 1; --", "connect_query");
	is_int(database.pool_size, 3, "pool_size");
	is_int(database.min_pool_size, 1, "min_pool_size");
	is_int(database.reserve_pool_size, 2, "reserve_pool_size");
	is_int(database.max_db_connections, 9, "max_db_connections");
	is_int(database.server_lifetime_us, 60000000, "server_lifetime");
	is_int(database.query_wait_timeout_us, 1500000, "query_wait_timeout");
	is_int(database.pool_mode, POOL_STATEMENT, "pool_mode");
	database_release(&database);

	parse(&database, "old",
	      "reserve_pool=4 dbname=x dbname=y host='' user='' connect_query=''");
	is_int(database.reserve_pool_size, 4, "the old name of reserve_pool_size");
	is_text(database.dbname, "y", "the last of two counts");
	ok(!database.host && !database.user && !database.connect_query, "empty is not set");
	database_release(&database);
}

static void test_libpq(void)
{
	libpq_gets("host=a", "");
	libpq_gets("application_name=app client_encoding=LATIN1",
		   "application_name=app|client_encoding=LATIN1|");
	libpq_gets("requirepeer=postgres passfile='/a b'", "requirepeer=postgres|passfile=/a b|");
	libpq_gets("passfile=a passfile=b", "passfile=b|");
	libpq_gets("sslmode=verify-full sslrootcert=/ca", "sslmode=verify-full|sslrootcert=/ca|");
	libpq_gets("target_session_attrs=read-write passfile=/p hostaddr=::1",
		   "target_session_attrs=read-write|passfile=/p|hostaddr=::1|");
	libpq_gets("timezone=UTC", "options=-c timezone=UTC|");
	libpq_gets("options='-c geqo=off' datestyle='ISO, MDY' timezone='a\\b'",
		   "options=-c geqo=off -c datestyle=ISO,\\ MDY -c timezone=a\\\\b|");
	libpq_gets("gssencmode=disable", "");
	libpq_gets("require_auth=md5,scram-sha-256 keepalives_count=3",
		   "require_auth=md5,scram-sha-256|keepalives_count=3|");
	libpq_gets("require_auth=!md5,!none keepalives_idle=-1",
		   "require_auth=!md5,!none|keepalives_idle=-1|");
	libpq_gets("max_db_client_connections=0", "");

	for (size_t i = 0; keyword_at(i); i++) {
		const struct keyword *next = keyword_at(i + 1);

		ok(!next || strcmp(keyword_at(i)->name, next->name) < 0, "%s is in its place",
		   keyword_at(i)->name);
		ok(keyword_find(keyword_at(i)->name) == keyword_at(i), "and found");
	}
}

static void test_refused_keys(void)
{
	is_refused("hots=a", "database \"shop\": unknown key \"hots\"; did you mean \"host\"?");
	is_refused("sslmod=require", "did you mean \"sslmode\"?");
	is_refused("colour=blue", "unknown key \"colour\"");
	is_refused("target_session_attrs=standbye", "did you mean \"standby\"?");
	is_refused("sslmode=required", "did you mean \"require\"?");
	is_refused("require_auth=nonsense",
		   "require_auth: \"nonsense\" is not a list of \"password\", \"md5\", \"gss\", \"sspi\", "
		   "\"scram-sha-256\", \"none\", \"oauth\", or of those with ! in front");
	is_refused("require_auth=scram-sha256", "did you mean \"scram-sha-256\"?");
	is_refused("require_auth='md5, none'", "is not a list of");
	is_refused("require_auth=md5,", "is not a list of");
	is_refused("require_auth=md5,md5", "is not a list of");
	is_refused("require_auth=!md5,none", "is not a list of");
	is_refused("require_auth=md5,!none", "is not a list of");
	is_refused("keepalives_idle=soon", "keepalives_idle: \"soon\" is not a whole number");
	is_refused("tcp_user_timeout=9999999999", "is not a whole number");
	is_refused("sslkeylogfile=/a", "\"sslkeylogfile\" cannot be set");
	is_refused("connect_timeout=5", "server_connect_timeout in [millpond]");
	is_refused("replication=database", "\"replication\" cannot be set");
	is_refused("gssencmode=prefer", "only disable can be had");
	is_refused("scram_client_key=x", "cannot be set");
	is_refused("oauth_issuer=x", "cannot be set");
	is_refused("max_protocol_version=3.2", "cannot be set");
	is_refused("load_balance_hosts=sometimes", "is not one of");
	is_refused("max_db_client_connections=-5", "is not a whole number");
	is_refused("pool_size=-1", "pool_size: \"-1\" is not a whole number from 0 to 1000000");
	is_refused("pool_size=5.5", "is not a whole number");
	is_refused("pool_size=", "is not a whole number");
	is_refused("server_lifetime=soon", "is not a time");
	is_refused("pool_mode=inherit", "is not one of \"session\"");
	is_refused("host", "at character 1 of the value: expected key=value");
	is_refused("host=a connect_query='x", "at character 22 of the value: the quote");
}

static void test_hosts(void)
{
	struct database database;

	is_refused("port=0", "invalid port \"0\"");
	is_refused("port=65536", "invalid port \"65536\"");
	is_refused("port=abc", "invalid port \"abc\"");
	is_refused("port=0x15", "invalid port \"0x15\"");
	is_refused("port=-5", "invalid port \"-5\"");
	is_refused("port=", "invalid port \"\"");
	is_refused("host=a,b port=1,", "invalid port \"\"");
	is_refused("host=a,b,c port=1,2", "there are 2 ports for 3 hosts");
	is_refused("host=a port=1,2", "there are 2 ports for 1 host");
	is_refused("port=1,2", "there are 2 ports for 1 host");
	is_refused("host=a,,b", "an item of the list of hosts is empty");
	is_refused("host=a,", "an item of the list of hosts is empty; blanks stand between keys");
	is_refused("host=a,b hostaddr=::1", "hostaddr cannot be used with a list");
	is_refused("hostaddr=::1,::2", "hostaddr cannot be used with a list");

	parse(&database, "x", "host=a,b,/tmp port=5432");
	is_int(faults.count, 0, "one port for all hosts");
	database_release(&database);
	parse(&database, "x", "host=::1,10.0.0.1 port=05432,1");
	is_int(faults.count, 0, "one port each, and libpq reads decimals");
	database_release(&database);
	parse(&database, "x", "host=@abstract");
	is_int(faults.count, 0, "an abstract socket");
	database_release(&database);
}

static void test_names(void)
{
	struct database database;

	parse(&database, "pgbouncer", "host=a");
	ok(is_only(&faults, "reserved for the console"), "pgbouncer is reserved");
	database_release(&database);
	parse(&database, "millpond", "host=a");
	ok(is_only(&faults, "reserved for the console"), "so is millpond");
	database_release(&database);
	parse(&database, "x", "host=a password=p");
	ok(faults.count == 0 && is_only(&notes, "password has no use without user"), "a note");
	database_release(&database);
	parse(&database, "x", "host=a pool_size=0");
	ok(faults.count == 0 && is_only(&notes, "pool_size=0"), "another note");
	database_release(&database);
}

static void test_several_faults(void)
{
	struct database database;

	parse(&database, "x", "hots=a port=0 pool_size=x sslmode=y");
	is_int(faults.count, 4, "every fault of a line");
	database_release(&database);
	parse(&database, "x", "password=my secret");
	ok(faults.count == 1 && !strstr(faults.faults[0].text, "secret"),
	   "no piece of a password in a message");
	database_release(&database);
}

static void test_services(void)
{
	const char *path = scratch_path("services");
	struct database database;

	setenv("PGSERVICEFILE", path, 1);
	setenv("PGSYSCONFDIR", "/nonexistent", 1);
	scratch_write("services",
		      "# ours\n[other]\nhost=x\n\n[mine]\nhost=a,b\nport=1,2\ndbname=d\nuser=u\n"
		      "password=p\nsslmode=verify-full\noptions=-c geqo=off\nconnect_timeout=9\n"
		      "[mine]\nhost=y\n[odd]\npool_size=1\n[bad]\nsslmode=requier\n"
		      "[nested]\nservice=mine\n");
	parse(&database, "shop", "service=mine");
	is_text(database.host, "a,b", "the host of a service");
	is_text(database.port, "1,2", "its port");
	is_text(database.dbname, "d", "its dbname");
	is_text(database.user, "u", "its user");
	is_text(database.password, "p", "its password");
	ok(is_only(&notes, "database \"shop\": \"connect_timeout\" cannot be set") &&
		   notes.faults[0].line == 13 && strcmp(notes.faults[0].file, path) == 0,
	   "what it has for others is noted");
	database_release(&database);
	libpq_gets("service=mine", "sslmode=verify-full|options=-c geqo=off|");
	libpq_gets("sslmode=require service=mine options='-c a=b'",
		   "sslmode=require|options=-c geqo=off -c a=b|");
	parse(&database, "shop", "host=z service=other service=mine port=3");
	is_text(database.host, "z", "the entry's own host counts");
	is_text(database.port, "3", "its own port, too");
	is_text(database.dbname, "d", "the rest is the service's, and the last one's");
	database_release(&database);
	is_refused("service=none", "database \"shop\": definition of service \"none\" not found");
	parse(&database, "shop", "service=odd");
	ok(is_only(&faults, "\"pool_size\" is no keyword of libpq"), "a key that is not libpq's");
	database_release(&database);
	parse(&database, "shop", "service=bad");
	ok(is_only(&faults, "sslmode: \"requier\" is not one of"), "a value that cannot be");
	database_release(&database);
	parse(&database, "shop", "service=nested");
	ok(is_only(&faults, "a service cannot be made of another"), "a service of a service");
	database_release(&database);
	scratch_write("services",
		      "ldap://dir.example.net/dc=x?description\nsome words\n[other] the old one\n"
		      "[\n[mine] today\nhost=a\nhost=b\nport=\nport=7\npassword= p\n"
		      "sslmode=require\nsslmode=\n"
		      "[\nhost=y\nwords\n[bad]\nhost = a\n%include x\n;\nsslmode=\n");
	parse(&database, "shop", "service=mine");
	is_int(faults.count, 0, "what stands outside a service's group is not looked at");
	is_text(database.host, "a", "the first of two counts");
	is_text(database.port, NULL, "... also if it is empty, which is the default");
	is_text(database.password, " p", "blanks behind a = count");
	database_release(&database);
	libpq_gets("service=mine", "sslmode=require|");
	parse(&database, "shop", "service=bad");
	is_int(faults.count, 4, "each line of the group that libpq would not take");
	ok(strstr(faults.faults[1].text, "service \"bad\": a line must be \"keyword=value\"") &&
		   faults.faults[1].line == 18,
	   "one that is no pair is named");
	database_release(&database);
	unlink(path);
	parse(&database, "shop", "service=mine");
	is_int(faults.count, 2, "a file that is named must be there");
	database_release(&database);
	unsetenv("PGSERVICEFILE");
	unsetenv("PGSYSCONFDIR");
}

static void test_equality(void)
{
	static const char *const texts[] = {"",
					    "host=a",
					    "host=b",
					    "host=a port=1",
					    "pool_size=1",
					    "pool_size=2",
					    "pool_mode=session",
					    "server_lifetime=1",
					    "options=one",
					    "options=two",
					    "options=one passfile=x",
					    "user=a password=b",
					    "user=a password=c"};
	struct database one, other;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
			parse(&one, "x", texts[i]);
			parse(&other, "x", texts[j]);
			ok(database_is_equal(&one, &other) == (i == j), "{%s} and {%s}", texts[i],
			   texts[j]);
			database_release(&one);
			database_release(&other);
		}
	}
}

static void test_users(void)
{
	struct user_settings user, other;

	parse_user(&user,
		   "pool_mode = session   pool_size=2 reserve_pool_size=3"
		   " max_user_connections=4 query_timeout=5 query_wait_timeout=6"
		   " transaction_timeout=7 idle_transaction_timeout=8 client_idle_timeout=0");
	is_int(faults.count, 0, "every key of a user");
	is_text(user.name, "app", "name");
	is_int(user.pool_mode, POOL_SESSION, "pool_mode");
	is_int(user.pool_size, 2, "pool_size");
	is_int(user.reserve_pool_size, 3, "reserve_pool_size");
	is_int(user.max_user_connections, 4, "max_user_connections");
	is_int(user.query_timeout_us, 5000000, "query_timeout");
	is_int(user.query_wait_timeout_us, 6000000, "query_wait_timeout");
	is_int(user.transaction_timeout_us, 7000000, "transaction_timeout");
	is_int(user.idle_transaction_timeout_us, 8000000, "idle_transaction_timeout");
	is_int(user.client_idle_timeout_us, 0, "client_idle_timeout");

	parse_user(&other, "");
	ok(other.pool_size == SETTING_UNSET && other.query_timeout_us == SETTING_UNSET &&
		   other.pool_mode == POOL_MODE_UNSET,
	   "nothing is set in an empty entry");
	ok(user_settings_is_equal(&user, &user) && !user_settings_is_equal(&user, &other),
	   "equality");
	user_settings_release(&user);
	user_settings_release(&other);

	parse_user(&user, "pool_sise=1");
	ok(is_only(&faults, "user \"app\": unknown key \"pool_sise\"; did you mean \"pool_size\"?"),
	   "an unknown key");
	user_settings_release(&user);
	parse_user(&user, "sslmode=require");
	ok(is_only(&faults, "unknown key"), "libpq has no say in [users]");
	user_settings_release(&user);
	parse_user(&user, "max_user_client_connections=-1");
	ok(is_only(&faults, "not a whole number"), "a limit below none");
	user_settings_release(&user);
	parse_user(&user, "max_user_client_connections=0");
	is_int(faults.count, 0, "which is accepted when it asks for nothing");
	user_settings_release(&user);
}

int main(void)
{
	test_keys();
	test_zeros_in_front();
	test_libpq();
	test_refused_keys();
	test_hosts();
	test_names();
	test_several_faults();
	test_services();
	test_equality();
	test_users();
	forget();
	return done();
}
