/* The file of users: quotes, comments, every broken line with its number, duplicates, many users. */
#include "conf/auth_file.h"

#include <unistd.h>

#include "conf/source.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static struct fault_list faults;
static struct auth_users users;

static void read_text(const char *text, size_t length)
{
	fault_list_init(&faults);
	auth_users_read(&users, scratch_write_bytes("users.txt", text, length), &faults);
}

static void end(void)
{
	auth_users_release(&users);
	fault_list_release(&faults);
}

static void test_good(void)
{
	static const char text[] = "; a comment\n"
				   "\"one\" \"secret\" anything behind\n"
				   "\n"
				   "  \"two words\"\t\"with \"\"quotes\"\" ; and # in it\"\n"
				   "  ; another\r\n"
				   "\"none\" \"\"\r\n"
				   "\"one\"\"more\" \"md5abc\"\n"
				   "\"scram\" \"SCRAM-SHA-256$4096:AAAA$AAAA:AAAA\"\n"
				   "\"one\" \"later\"\n"
				   "\"close\"\"\" \"x\"\n"
				   "\"glued\"\"up\"\"\"\"x\"\"\n"
				   "\"last\" \"\xc3\xa4\"";

	read_text(text, strlen(text) - 0);
	is_int(faults.count, 1, "one line is wrong");
	is_int(faults.faults[0].line, 11, "the one without blank between name and secret");
	is_text(auth_users_find(&users, "one"), "later", "the last line of a name counts");
	is_text(auth_users_find(&users, "two words"), "with \"quotes\" ; and # in it", "quotes");
	is_text(auth_users_find(&users, "none"), "", "no secret");
	is_text(auth_users_find(&users, "one\"more"), "md5abc", "a quote in a name");
	is_text(auth_users_find(&users, "close\""), "x", "a quote at its end");
	is_text(auth_users_find(&users, "last"), "\xc3\xa4", "no line end at the end");
	ok(auth_users_find(&users, "on") == NULL && auth_users_find(&users, "") == NULL &&
		   auth_users_find(&users, "One") == NULL,
	   "others are unknown");
	is_int(users.count, 7, "each name once");
	is_int(users.scram_count, 1, "SCRAM secrets are counted");
	end();
}

static void test_kinds(void)
{
	static const char text[] = "\"a\" \"SCRAM-SHA-256$20000:AAAA$AAAA:AAAA\"\n"
				   "\"b\" \"SCRAM-SHA-256$2000000:AAAA$AAAA:AAAA\"\n"
				   "\"c\" \"SCRAM-SHA-256$20000:AAAA$AAAA:AAAA\"\n"
				   "\"d\" \"SCRAM-SHA-256$4096:AAAA$AAAA:AAAA\"\n"
				   "\"e\" \"md50123456789abcdef0123456789abcdef\"\n"
				   "\"f\" \"md5\"\n"
				   "\"g\" \"\"\n"
				   "\"h\" \"pencil\"\n";

	read_text(text, strlen(text));
	is_int(users.scram_count, 4, "secrets of SCRAM");
	is_int(users.scram_iterations, 20000, "their usual number of iterations");
	is_int(users.plain_count, 2, "passwords");
	end();
	read_text("\"h\" \"pencil\"\n", 13);
	is_int(users.scram_iterations, 0, "no iterations");
	end();
}

static const char *const broken[] = {
	"name secret", "\"name\"",     "\"name", "\"name\" \"secret", "\"name\" secret",
	"name \"secret\"", "\"\" \"secret\"", "\"",	 "\"\"",		    "# comment",
	"x \"name\" \"secret\"", "\"name\" \"secret\"\"",
};

static void test_broken(void)
{
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		char text[100];
		size_t length = (size_t)sprintf(text, "\"a\" \"b\"\n%s\n\"c\" \"d\"\n", broken[i]);
		read_text(text, length);
		ok(faults.count == 1 && faults.faults[0].line == 2, "line 2 is wrong: %s", broken[i]);
		is_int(users.count, 2, "the others are read");
		end();
	}
	read_text("\"a\" \"b\0c\"\n", 10);
	ok(faults.count == 1 && faults.faults[0].line == 1, "a zero byte");
	end();
}

static void test_files(void)
{
	fault_list_init(&faults);
	is_text(auth_users_read(&users, "/nowhere/users.txt", &faults), "No such file or directory",
		"no file");
	is_int(faults.count, 0, "... which is for the caller to report");
	ok(auth_users_find(&users, "a") == NULL, "and has no users");
	end();

	char *found = source_find("users.txt", scratch_path("some.ini"));
	is_text(found, scratch_path("users.txt"), "beside the ini");
	free(found);
}

static void test_equality(void)
{
	struct auth_users other = {0};

	read_text("\"a\" \"b\"\n\"c\" \"d\"\n", 16);
	other = users;
	read_text("\"c\" \"d\"\n\"a\" \"b\"\n", 16);
	ok(auth_users_are_equal(&users, &other), "another order is no difference");
	auth_users_release(&users);
	read_text("\"c\" \"d\"\n\"a\" \"B\"\n", 16);
	ok(!auth_users_are_equal(&users, &other), "another secret is");
	auth_users_release(&users);
	read_text("\"c\" \"d\"\n", 8);
	ok(!auth_users_are_equal(&users, &other), "a user less is");
	auth_users_release(&other);
	end();
}

static void test_many_and_long(void)
{
	enum { MANY = 20000, LONG = 70000 };
	char *text = malloc(MANY * 40 + LONG + 40), *at = text;
	char name[32];
	int found = 0;

	for (int i = 0; i < MANY; i++)
		at += sprintf(at, "\"user%d\" \"secret%d\"\n", (i * 7919) % MANY, i);
	at += sprintf(at, "\"long\" \"");
	memset(at, 'x', LONG);
	at += LONG;
	at += sprintf(at, "\"\n");
	read_text(text, (size_t)(at - text));
	is_int(faults.count, 0, "many users");
	for (int i = 0; i < MANY; i++) {
		sprintf(name, "user%d", i);
		found += auth_users_find(&users, name) != NULL;
	}
	is_int(found, MANY, "all are found");
	is_int(strlen(auth_users_find(&users, "long")), LONG, "a secret of 70,000 bytes");
	end();
	free(text);
}

int main(void)
{
	test_good();
	test_kinds();
	test_broken();
	test_files();
	test_equality();
	test_many_and_long();
	return done();
}
