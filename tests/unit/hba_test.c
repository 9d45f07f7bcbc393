/* HBA and ident files: which line fits whom, each mistake with its line, and the maps of names. */
#include "conf/hba.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "conf/ident.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static struct hba hba;
static struct fault_list faults, notes;

static void read_both(const char *text, const char *ident)
{
	fault_list_init(&faults);
	fault_list_init(&notes);
	hba_read(&hba, scratch_write("hba.conf", text), &faults, &notes);
	if (ident)
		ident_read(&hba, scratch_write("ident.conf", ident), &faults);
}

static void end(void)
{
	hba_release(&hba);
	fault_list_release(&faults);
	fault_list_release(&notes);
}

static struct hba_client client_at(const char *address, const char *database, const char *user)
{
	struct hba_client client = {.database = database, .user = user, .family = AF_UNIX};

	if (strncmp(address, "tls ", 4) == 0) {
		client.has_tls = true;
		address += 4;
	}
	if (inet_pton(AF_INET, address, client.address) == 1)
		client.family = AF_INET;
	else if (inet_pton(AF_INET6, address, client.address) == 1)
		client.family = AF_INET6;
	return client;
}

/* The line of the rule that fits; 0: none does. */
static int line_for(const struct hba_client *client)
{
	const struct hba_rule *rule = hba_find(&hba, client);
	return rule ? rule->line : 0;
}

/* --- matching ----------------------------------------------------------------------------- */

static const char rules[] =
	"# a comment, and an empty line\n"					/* 1 */
	"\n"									/* 2 */
	"local all postgres peer map=os\n"					/* 3 */
	"local sameuser all md5\n"						/* 4 */
	"hostssl secret all 10.0.0.0/8 cert clientcert=verify-full\n"		/* 5 */
	"hostnossl secret all all reject # in the clear\n"			/* 6 */
	"\"host\" \"all\" odd \"192.0.2.77/25\" \"trust\"\n"			/* 7 */
	"host one two three alice,\"bob\" 192.0.2.0 255.255.255.0 password\n"	/* 8: too many */
	"host one,two, three alice,\"bob\" 192.0.2.0 255.255.255.0 password\n"	/* 9 */
	"host all carol 2001:db8::/33 scram-sha-256\n"				/* 10 */
	"host all carol ::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff trust\n"	/* 11 */
	"host replication all all trust\n"					/* 12 */
	"host \"replication\" dave all md5\n"					/* 13 */
	"host all \"all\" 203.0.113.9/32 trust\n"				/* 14 */
	"host any all 0.0.0.0/0 ldap ldapserver=x ldapbasedn=o ldapbasedn=\"dc=a,dc=b\",\n"	/* 15 */
	"host any6 all ::/0 pam pamservice=db\n"				/* 16 */
	"host pgbouncer frank all reject\n"					/* 17 */
	"host millpond grace all reject\n"					/* 18 */
	"host sameuser millpond all trust\n";					/* 19 */

static const struct {
	const char *address;
	const char *database;
	const char *user;
	int line;
} cases[] = {
	{"local", "x", "postgres", 3},
	{"local", "eve", "eve", 4},
	{"local", "x", "eve", 0},
	{"tls 10.1.2.3", "secret", "eve", 5},
	{"10.1.2.3", "secret", "eve", 6},
	{"tls 11.1.2.3", "secret", "eve", 0},
	{"192.0.2.0", "all", "odd", 7},
	{"192.0.2.127", "all", "odd", 7},
	{"192.0.2.128", "all", "odd", 0},
	{"192.0.2.1", "other", "odd", 0},
	{"192.0.2.1", "one", "alice", 9},
	{"192.0.2.1", "three", "bob", 9},
	{"192.0.3.1", "three", "bob", 0},
	{"::ffff:192.0.2.1", "two", "bob", 9},
	{"2001:db8:7fff::1", "x", "carol", 10},
	{"2001:db8:8000::1", "x", "carol", 0},
	{"::1", "x", "carol", 11},
	{"::2", "x", "carol", 0},
	{"203.0.113.8", "replication", "dave", 13},
	{"203.0.113.8", "x", "dave", 0},
	{"203.0.113.9", "x", "all", 14},
	{"203.0.113.9", "x", "eve", 0},
	{"255.255.255.255", "any", "eve", 15},
	{"::1", "any", "eve", 0},
	{"2001::", "any6", "eve", 16},
	{"1.2.3.4", "any6", "eve", 0},
	{"1.2.3.4", "pgbouncer", "frank", 17},
	{"1.2.3.4", "millpond", "frank", 17},
	{"1.2.3.4", "pgbouncer", "grace", 18},
	{"1.2.3.4", "millpond", "grace", 18},
	{"1.2.3.4", "pgbouncer", "millpond", 19},
	{"1.2.3.4", "millpond", "millpond", 19},
};

static void test_matching(void)
{
	char text[64];

	read_both(rules, NULL);
	is_int(faults.count, 1, "one line has a field too many");
	is_int(faults.count > 0 ? faults.faults[0].line : 0, 8, "that one");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct hba_client client =
			client_at(cases[i].address, cases[i].database, cases[i].user);
		/* The broken line is in the list, and would not be in force. */
		is_int(line_for(&client), cases[i].line, "%s at %s from %s", cases[i].user,
		       cases[i].database, cases[i].address);
	}
	struct hba_client standby = client_at("203.0.113.8", "", "eve");
	standby.is_replication = true;
	is_int(line_for(&standby), 12, "replication has its own lines");
	standby = client_at("10.1.1.1", "secret", "odd");
	standby.is_replication = true;
	is_int(line_for(&standby), 12, "and no others");

	struct hba_client client = client_at("1.1.1.1", "any", "eve");
	const struct hba_rule *rule = hba_find(&hba, &client);
	is_text(hba_option(rule, "ldapbasedn"), "dc=a,dc=b", "the last of an option's values, in quotes");
	ok(hba_option(rule, "map") == NULL && hba_option(NULL, "map") == NULL, "no such option");
	is_text(hba_method_name(rule->method), "ldap", "its method");
	words_print(&hba.rules[6].databases, text, sizeof text);
	is_text(text, "one,two,three", "a list is printed");
	ok(hba_is_equal(&hba, &hba), "it is what it is");
	end();
}

/* --- oddities ----------------------------------------------------------------------------- */

static void test_host_bits(void)
{
	read_both("host all all 127.0.0.77/8 trust\n"
		  "host all all 127.0.0.0/8 trust\n"
		  "host all all 10.1.2.3 255.255.0.0 trust\n"
		  "host all all 10.1.2.3/32 trust\n"
		  "host all all 2001:db8::1/64 trust\n"
		  "host all all ::1/128 trust\n"
		  "host all all all trust\n"
		  "local all all trust\n",
		  NULL);
	is_int(faults.count, 0, "bits behind the mask are no fault");
	is_int(notes.count, 3, "but noted");
	for (size_t i = 0; i < notes.count; i++)
		is_int(notes.faults[i].line, 2 * (int)i + 1, "in their line");
	ok(notes.count == 3 && strstr(notes.faults[1].text, "\"10.1.2.3 255.255.0.0\" is"),
	   "... as they stand there");
	end();
}

/* --- blanks and commas -------------------------------------------------------------------- */

/* As PostgreSQL reads the line, where it does; otherwise as PgBouncer does. */
static const struct {
	const char *line;
	const char *databases; /* NULL: a fault */
	const char *users;
} lists[] = {
	{"host db, x app , other 127.0.0.1/32 trust", "db,x", "app,other"},
	{"host db,x app\t,\tother,third 127.0.0.1/32 trust", "db,x", "app,other,third"},
	{"local one , two app trust", "one,two", "app"},
	{"local one ,two app , \"x , y\" trust # a , b", "one,two", "app,\"x , y\""},
	{"local \"a ,b\" , c app trust", "\"a ,b\",c", "app"},
	{"local one , app trust", "one", "app"},
	{"host one , app 127.0.0.1/32 trust", "one", "app"},
	{"local ,one ,app ,trust", "one", "app"},
	{"local one app , trust", "one", "app"},
	{"local one , two trust trust", "one,two", "trust"},
	{"local one , two app any", NULL, NULL},
	{"local a\fb,c\v one trust", "a\fb,c\v", "one"},
	{"\flocal one\v,\"x\f\"\ftwo trust\f", "one,\"x\f\"", "two"},
	{"local one two trust\fany", NULL, NULL},
	{"host one , two app 127.0.0.1/33 trust", NULL, NULL},
};

static void test_lists(void)
{
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		char databases[64], users[64];

		read_both(lists[i].line, NULL);
		if (lists[i].databases == NULL) {
			is_int(faults.count, 1, "%s: a fault, told once", lists[i].line);
		} else {
			is_int(faults.count, 0, "%s", lists[i].line);
			words_print(&hba.rules[0].databases, databases, sizeof databases);
			words_print(&hba.rules[0].users, users, sizeof users);
			is_text(databases, lists[i].databases, "... the databases");
			is_text(users, lists[i].users, "... the users");
		}
		end();
	}
}

/* --- mistakes ----------------------------------------------------------------------------- */

static const struct {
	const char *line;
	const char *fault;
} mistakes[] = {
	{"remote all all trust", "\"remote\" is not one of"},
	{"hostgssenc all all all trust", "is not one of"},
	{"local", "the database is missing"},
	{"local all", "the user is missing"},
	{"local all all", "the method is missing"},
	{"host all all trust", "\"trust\" is not an address"},
	{"host all all 1.2.3.4 trust", "\"trust\" is not a mask"},
	{"host all all 1.2.3.4", "the mask of the address is missing"},
	{"host all all 1.2.3.4/33 trust", "\"/33\" is not a length from 0 to 32"},
	{"host all all ::/129 trust", "\"/129\" is not a length from 0 to 128"},
	{"host all all 1.2.3.4/ trust", "is not a length"},
	{"host all all 1.2.3.4/-1 trust", "is not a length"},
	{"host all all 1.2.3.4 ffff:: trust", "is not a mask"},
	{"host all all 1.2.3/24 trust", "is not an address"},
	{"host all all example.org trust", "names, samehost and samenet are not supported"},
	{"host all all samenet trust", "not supported"},
	{"host all all \"all\" trust", "\"all\" is not an address; names"},
	{"host all all all any", "\"any\" is no method"},
	{"host all all all gss", "the method \"gss\" is not supported"},
	{"host all all all peer", "for local lines only"},
	{"local all all cert", "for hostssl lines only"},
	{"host all all all cert", "for hostssl lines only"},
	{"host all all all md5 map=x", "for the methods cert and peer"},
	{"host all all all md5 clientcert=verify-ca", "for hostssl lines only"},
	{"hostssl all all all cert clientcert=verify-ca", "the method cert takes verify-full only"},
	{"hostssl all all all md5 clientcert=1", "is not one of verify-ca, verify-full"},
	{"host all all all md5 ldapserver=x", "for the method ldap"},
	{"host all all all ldap ldapserver=x", "one of ldapbasedn, ldapprefix and ldapsuffix"},
	{"host all all all ldap ldapserver=x ldapport=y ldapbasedn=z", "is not a number"},
	{"host all all all ldap ldapserver=x pamservice=z", "for the method pam"},
	{"host all all all pam ldapserver=x", "for the method ldap"},
	{"host all all all pam pamservise=x", "did you mean \"pamservice\"?"},
	{"host all all all pam pamservice=", "is not the name of a service"},
	{"host all all all pam pamservice=../x", "is not the name of a service"},
	{"host all all all pam pam_use_hostname=1", "names of hosts are not looked up"},
	{"local all all peer mop=x", "did you mean \"map\"?"},
	{"host all all all md5 colour=x", "unknown option \"colour\""},
	{"host all all all md5 colour", "is not an option"},
	{"host all +staff all md5", "\"+staff\" is not supported"},
	{"host samerole all all md5", "\"samerole\" is not supported"},
	{"host /^db all all md5", "\"/^db\" is not supported"},
	{"host all bob,\"/^a,b$\" all reject", "\"/^a,b$\" is not supported"},
	{"host \"all all all md5", "a quote is not closed"},
	{"host all all all md5 map=\"x", "a quote is not closed"},
	{"host all @nobody all md5", "cannot read "},
	{"host all all 1.2.3.4,1.2.3.5 md5", "cannot be a list"},
};

static void test_mistakes(void)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		char text[256];

		snprintf(text, sizeof text, "\nlocal all all trust\n%s\n", mistakes[i].line);
		read_both(text, NULL);
		bool found = faults.count == 1 && strstr(faults.faults[0].text, mistakes[i].fault);
		ok(found, "%s", mistakes[i].line);
		if (!found)
			note("%s", faults.count ? faults.faults[0].text : "no fault");
		is_int(faults.count ? faults.faults[0].line : -1, 3, "... in its line");
		end();
	}
}

/* --- lines that go on --------------------------------------------------------------------- */

static const char joined[] = "host one alice all \\\n"				/* 1 */
			     "  reject\n"
			     "# a comment \\\n"					/* 3 */
			     "host one all all trust\n"
			     "host tw\\\r\n"					/* 5 */
			     "o,\\\n"
			     "three @go\\\n"
			     "es_on all trust\n"
			     "host \"b\\a\" all all trust\n"				/* 9 */
			     "host \"b\\\\\n"						/* 10 */
			     "\" all all trust\n"
			     "host four all all trust \\\\\n"				/* 12 */
			     "\n"
			     "host five all all trust\n"				/* 14 */
			     "host six all all \\\n"					/* 15 */
			     "\\\n"
			     "trust\n"
			     "host seven all all trust\\";				/* 18, the last */

static const struct {
	const char *database;
	const char *user;
	int line;
} joined_cases[] = {
	{"one", "alice", 1}, {"one", "bob", 0},	    {"two", "alice", 5}, {"three", "bob", 5},
	{"two", "carol", 0}, {"b\\a", "alice", 9}, {"b\\", "alice", 10}, {"five", "alice", 14},
	{"six", "alice", 15}, {"seven", "alice", 18},
};

static void test_joined_lines(void)
{
	scratch_write("goes_on", "ali\\\nce\nbob\n");
	read_both(joined, "m ro\\\not a\\\n\n# \\\nm x y\nm web \\\n\n");
	for (size_t i = 0; i < sizeof joined_cases / sizeof *joined_cases; i++) {
		struct hba_client client = client_at("1.2.3.4", joined_cases[i].database,
						     joined_cases[i].user);
		is_int(line_for(&client), joined_cases[i].line, "%s at %s",
		       joined_cases[i].user, joined_cases[i].database);
	}
	is_int(faults.count, 2, "broken lines are faults");
	is_int(faults.count ? faults.faults[0].line : 0, 12, "... each where its line begins");
	is_int(faults.count > 1 ? faults.faults[1].line : 0, 6, "... in maps as well");
	ok(hba_ident_allows(&hba, "m", "root", "a"), "a line of a map goes on");
	ok(!hba_ident_allows(&hba, "m", "x", "y"), "... and so does a comment");
	end();
}

/* --- files in files ----------------------------------------------------------------------- */

static void test_included_lists(void)
{
	struct hba_client client = client_at("1.1.1.1", "x", "carol");

	scratch_write("users", "alice, bob\n# nobody\n@more\n");
	scratch_write("more", "carol \"@users\"\n");
	read_both("host all @users all trust\n", NULL);
	is_int(faults.count, 0, "files in files are read");
	is_int(line_for(&client), 1, "and their words count");
	client.user = "@users";
	is_int(line_for(&client), 1, "a name in quotes may begin with any letter");
	client.user = "dave";
	is_int(line_for(&client), 0, "others are not in it");
	end();

	scratch_write("loop", "@loop\n");
	read_both("host @loop all all trust\n", NULL);
	ok(faults.count == 1 && strstr(faults.faults[0].text, "nested too deeply"),
	   "a file in itself comes to an end");
	end();
}

/* --- maps --------------------------------------------------------------------------------- */

static const char maps[] = "# MAP SYSTEM DATABASE\n"
			   "os root postgres\n"
			   "os \"web server\" web\n"
			   "os dba all\n"
			   "os odd \"all\"\n"
			   "mail /^(.*)@example\\.org$ \\1\n"
			   "mail /^(.*)@example\\.com$ com_\\1_x\n"
			   "mail /^guest guest\n"
			   "part /^(.+)@admin$ post\\1gres\n";

static const struct {
	const char *map;
	const char *system_user;
	const char *user;
	bool allowed;
} idents[] = {
	{NULL, "eve", "eve", true},
	{"", "eve", "bob", false},
	{"os", "root", "postgres", true},
	{"os", "root", "root", false},
	{"os", "web server", "web", true},
	{"os", "dba", "anybody", true},
	{"os", "odd", "anybody", false},
	{"os", "odd", "all", true},
	{"other", "root", "postgres", false},
	{"mail", "eve@example.org", "eve", true},
	{"mail", "eve@example.org", "bob", false},
	{"mail", "eve@example.orgy", "eve", false},
	{"mail", "eve@exampleXorg", "eve", false},
	{"mail", "eve@example.com", "com_eve_x", true},
	{"mail", "eve@example.com", "com_eve_", false},
	{"mail", "eve@example.com", "com_ev", false},
	{"mail", "@example.org", "", true},
	{"mail", "guest17", "guest", true},
	{"part", "web", "postgres", false},
	{"part", "web", "post\\1gres", false},
	{"part", "x@admin", "postxgres", true},
};

static void test_maps(void)
{
	read_both("local all all peer map=os\n", maps);
	is_int(faults.count, 0, "maps are read");
	for (size_t i = 0; i < sizeof idents / sizeof *idents; i++)
		is_int(hba_ident_allows(&hba, idents[i].map, idents[i].system_user, idents[i].user),
		       idents[i].allowed, "%s as %s by %s", idents[i].system_user, idents[i].user,
		       idents[i].map ? idents[i].map : "no map");
	end();
	read_both("local all all peer\n", "m /( x\nm a\nm a b c\nm \"a b\nm a,b c\n");
	is_int(faults.count, 4, "broken lines of a map are faults");
	is_int(faults.count ? faults.faults[0].line : 0, 1, "each with its line");
	end();
	scratch_write("one", "# a name\n\"a b\"\n");
	scratch_write("two", "a b\n");
	read_both("local all all peer\n", "m \"@one\" b\nm x @one\nm x @two\nm @none x\n");
	ok(hba_ident_allows(&hba, "m", "x", "a b") && hba_ident_allows(&hba, "m", "@one", "b"),
	   "a word may stand in a file, but in quotes it is itself");
	ok(faults.count == 2 && faults.faults[0].line == 3 && strstr(faults.faults[1].text, "cannot read"),
	   "... but not two of them, or none");
	end();
	read_both("local all all peer\n", "m /^.*$ a\\1\nm /^.*$ a\nm a a\\1\n");
	ok(faults.count == 1 && strstr(faults.faults[0].text, "\"^.*$\" has no subexpressions as requested"),
	   "nor can a group be meant where there is none");
	end();
}

int main(void)
{
	test_matching();
	test_host_bits();
	test_lists();
	test_mistakes();
	test_joined_lines();
	test_included_lists();
	test_maps();
	return done();
}
