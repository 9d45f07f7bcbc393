/* The pairs of a [databases] line: blanks, quotes, and everything that is not a pair. */
#include "conf/connstring.h"
#include "tests/unit/tap.h"

/* `key=<value>key=<value>!what is wrong@where` */
static const char *parsed(const char *text)
{
	static char result[4096];
	struct connstring cursor;
	size_t length = 0;

	result[0] = '\0';
	connstring_init(&cursor, text);
	while (connstring_next(&cursor))
		length += (size_t)snprintf(result + length, sizeof(result) - length, "%s=<%s>",
					   cursor.key, cursor.value);
	if (cursor.wrong)
		snprintf(result + length, sizeof(result) - length, "!%s@%zu", cursor.wrong,
			 cursor.where);
	connstring_release(&cursor);
	return result;
}

static void is_good(const char *text, const char *pairs)
{
	is_text(parsed(text), pairs, "{%s}", text);
}

static void is_wrong(const char *text, const char *what, size_t where)
{
	const char *result = parsed(text), *wrong = strchr(result, '!');
	char end[24];

	snprintf(end, sizeof(end), "@%zu", where);
	ok(wrong && strstr(wrong, what) && strstr(wrong, end), "{%s} is wrong: %s", text, result);
}

static void test_long(void)
{
	size_t length = 10240;
	char *text = malloc(length + 64);
	struct connstring cursor;

	memcpy(text, "connect_query='", 15);
	memset(text + 15, 'x', length);
	memcpy(text + 15 + length, "' port=1", 9);
	connstring_init(&cursor, text);
	ok(connstring_next(&cursor) && strlen(cursor.value) == length, "a value of 10 kB");
	ok(connstring_next(&cursor) && strcmp(cursor.value, "1") == 0, "and what follows it");
	ok(!connstring_next(&cursor) && !cursor.wrong, "and no more");
	ok(!connstring_next(&cursor) && !cursor.wrong, "nor later");
	connstring_release(&cursor);
	free(text);
}

int main(void)
{
	is_good("", "");
	is_good("   ", "");
	is_good("host=a", "host=<a>");
	is_good("  host = a \t port= 5  ", "host=<a>port=<5>");
	is_good("host=a,b,[::1] port=1,2,3", "host=<a,b,[::1]>port=<1,2,3>");
	is_good("dbname='my db' user=x", "dbname=<my db>user=<x>");
	is_good("q='it''s'", "q=<it's>");
	is_good("q=''''", "q=<'>");
	is_good("q='' x=1", "q=<>x=<1>");
	is_good("q='set a=off; set b=''#''' x=1", "q=<set a=off; set b='#'>x=<1>");
	is_good("password=a=b;c#d'e", "password=<a=b;c#d'e>");
	is_good("password=a\\b", "password=<a\\b>");
	is_good("q='a\\' x=1", "q=<a\\>x=<1>");
	is_good("host=", "host=<>");
	is_good("a= b=2", "a=<b=2>"); /* as in libpq: an empty value is quoted */
	is_good("a=1 a=2", "a=<1>a=<2>");
	is_good("pool_mode = session   pool_size=2", "pool_mode=<session>pool_size=<2>");

	is_wrong("host", "expected key=value", 1);
	is_wrong("host=a port", "expected key=value", 8);
	is_wrong("host=a # b", "a comment must stand on a line of its own", 8);
	is_wrong("host=a ;b=c d", "expected key=value", 13);
	is_wrong("host=a ; b", "a comment must stand on a line of its own", 8);
	is_wrong("postgresql://me@a/b", "written as host=... port=... dbname=...", 1);
	is_wrong("=a", "no key", 1);
	is_wrong("a=1 =b", "no key", 5);
	is_wrong("q='abc", "does not end", 3);
	is_wrong("q='abc''", "does not end", 3);
	is_wrong("q='", "does not end", 3);
	is_wrong("q='a'b=1", "a blank must follow", 6);
	is_wrong("password=my secret port=1", "expected key=value", 13);
	ok(!strstr(parsed("password=my secret port=1") + strlen("password=<my>"), "secret"),
	   "a piece of a password is not repeated in the message");
	test_long();
	return done();
}
