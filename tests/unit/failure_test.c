/* Failures are complete: each kind of the table, and what a server's ErrorResponse says. */
#include "protocol/failure.h"

#include <ctype.h>

#include "tests/unit/tap.h"

static const struct {
	enum failure_kind kind;
	const char *severity, *sqlstate, *message, *hint;
} kinds[] = {
#define FAILURE(kind, severity, sqlstate, message, hint) \
	{FAILURE_##kind, #severity, sqlstate, message, hint},
#include "protocol/failure.def"
};

static bool is_sqlstate(const char *text)
{
	if (strlen(text) != 5)
		return false;
	for (; *text != '\0'; text++)
		if (!isdigit((unsigned char)*text) && !isupper((unsigned char)*text))
			return false;
	return true;
}

static void test_table(void)
{
	int wrong = 0;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct failure why;
		/* Enough arguments for each of them: %s and %d. */
		const char *text = strstr(kinds[i].message, "%d") ? NULL : "something";
		memset(&why, 0xff, sizeof why);
		if (text != NULL)
			wrong += failure_set(&why, kinds[i].kind, text, text);
		else
			wrong += failure_set(&why, kinds[i].kind, 42);
		wrong += why.kind != kinds[i].kind || why.told || why.detail[0] != '\0';
		wrong += !is_sqlstate(why.sqlstate) || strcmp(why.sqlstate, kinds[i].sqlstate) != 0;
		wrong += strcmp(failure_severity(&why), kinds[i].severity) != 0;
		wrong += strcmp(kinds[i].severity, "FATAL") != 0 &&
			 strcmp(kinds[i].severity, "ERROR") != 0;
		wrong += why.message[0] == '\0' || strchr(why.message, '%') != NULL;
		wrong += (failure_hint(&why) == NULL) != (kinds[i].hint[0] == '\0');
	}
	is_int(wrong, 0, "each kind has a severity, an SQLSTATE, a message and perhaps a hint");
}

static void test_texts(void)
{
	struct failure why;
	char longer[1000];

	ok(!failure_set(&why, FAILURE_NO_DATABASE, "shop"), "setting a failure is a failure");
	is_text(why.message, "no such database: shop", "its message has the arguments");
	ok(failure_hint(&why) != NULL, "it has a hint");
	ok(!failure_detail(&why, "%d of %s", 3, "them"), "adding a detail is one, too");
	is_text(why.detail, "3 of them", "the detail");
	failure_set(&why, FAILURE_NO_DATABASE, "other");
	is_text(why.detail, "", "a new failure has no old detail");

	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	failure_set(&why, FAILURE_NO_DATABASE, longer);
	is_int(strlen(why.message), sizeof why.message - 1, "a long message is cut");
	failure_detail(&why, "%s", longer);
	is_int(strlen(why.detail), sizeof why.detail - 1, "and so is a long detail");
}

/* --- from a server ------------------------------------------------------------------------ */

#define BODY(bytes) bytes, sizeof(bytes) - 1
#define UNTOLD "the server reported an error"

static const struct {
	const char *body;
	size_t length;
	const char *sqlstate, *message, *detail;
	const char *name;
} bodies[] = {
	{BODY("SFATAL\0VFATAL\0C28P01\0Mpassword\0Dthe detail\0Hthe hint\0\0"), "28P01", "password",
	 "the detail", "a whole one"},
	{BODY("Mlast\0C3D000\0SFATAL\0\0"), "3D000", "last", "", "in another order"},
	{BODY("XY\0Mtext\0?\0\0"), "08004", "text", "", "fields of the future"},
	{BODY("C123456\0Mtext\0\0"), "08004", "text", "", "an SQLSTATE that is too long"},
	{BODY("C1234\0Mtext\0\0"), "08004", "text", "", "an SQLSTATE that is too short"},
	{BODY("Mno end"), "08004", "no end", "", "cut in a text"},
	{BODY("C42501\0Mtext"), "42501", "text", "", "without terminators"},
	{BODY("C42501\0M"), "42501", UNTOLD, "", "cut behind a letter"},
	{BODY("C42501\0D"), "42501", UNTOLD, "", "cut behind another"},
	{BODY("M\0\0"), "08004", UNTOLD, "", "an empty message"},
	{BODY("\0Mbehind\0\0"), "08004", UNTOLD, "", "a message behind the end"},
	{BODY(""), "08004", UNTOLD, "", "nothing"},
	{BODY("Mone\0Mtwo\0\0"), "08004", "two", "", "two messages"},
};

static void from_server(struct failure *why, const char *body, size_t length)
{
	char *copy = malloc(length > 0 ? length : 1);
	memcpy(copy, body, length);
	failure_from_server(why, FAILURE_SERVER_REFUSED, copy, length);
	free(copy);
}

static void test_bodies(void)
{
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct failure why;
		memset(&why, 0xff, sizeof why);
		from_server(&why, bodies[i].body, bodies[i].length);
		is_int(why.kind, FAILURE_SERVER_REFUSED, "%s: the kind", bodies[i].name);
		is_text(why.sqlstate, bodies[i].sqlstate, "%s: SQLSTATE", bodies[i].name);
		is_text(why.message, bodies[i].message, "%s: message", bodies[i].name);
		is_text(why.detail, bodies[i].detail, "%s: detail", bodies[i].name);
	}
}

static void test_garbage(void)
{
	char body[600];
	uint32_t random = 1;
	int wrong = 0;

	for (int round = 0; round < 20000; round++) {
		size_t length = (random = random * 1664525 + 1013904223) >> 16;
		length %= round % 4 ? 20 : sizeof body;
		for (size_t i = 0; i < length; i++) {
			random = random * 1664525 + 1013904223;
			/* The letters that count, terminators, and anything. */
			body[i] = random >> 30 ? "CMD\0a\xff"[(random >> 16) % 6]
					       : (char)(random >> 8);
		}
		struct failure why;
		memset(&why, 0xff, sizeof why);
		from_server(&why, body, length);
		wrong += memchr(why.message, 0, sizeof why.message) == NULL || !why.message[0] ||
			 memchr(why.detail, 0, sizeof why.detail) == NULL ||
			 why.sqlstate[5] != '\0';
	}
	is_int(wrong, 0, "garbage gives texts that end, and a message");
}

int main(void)
{
	test_table();
	test_texts();
	test_bodies();
	test_garbage();
	return done();
}
