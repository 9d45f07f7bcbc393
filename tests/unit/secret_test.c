/* Stored passwords in all their forms, base64, and the preparation of passwords. */
#include "protocol/secret.h"

#include "protocol/base64.h"
#include "protocol/saslprep.h"
#include "tests/unit/tap.h"

#define SCRAM \
	"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:" \
	"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static const struct {
	const char *stored;
	enum secret_kind kind;
} kinds[] = {
	{NULL, SECRET_NONE},
	{"", SECRET_NONE},
	{"pencil", SECRET_PLAIN},
	{"md5", SECRET_PLAIN},
	{"md50123456789abcdef0123456789abcdef", SECRET_MD5},
	{"md50123456789ABCDEF0123456789ABCDEF", SECRET_PLAIN},
	{"md50123456789abcdef0123456789abcde", SECRET_PLAIN},
	{"md50123456789abcdef0123456789abcdef0", SECRET_PLAIN},
	{SCRAM, SECRET_SCRAM},
	{SCRAM "x", SECRET_BROKEN},
	{"SCRAM-SHA-256$", SECRET_BROKEN},
	{"SCRAM-SHA-256", SECRET_PLAIN},
	{"scram-sha-256$4096:", SECRET_PLAIN},
};

static void test_kinds(void)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		is_int(secret_kind(kinds[i].stored), kinds[i].kind, "'%s'",
		       kinds[i].stored ? kinds[i].stored : "(null)");
}

static void test_md5(void)
{
	const unsigned char salt[] = {1, 2, 3, 4};
	char secret[MD5_TEXT_BYTES], response[MD5_TEXT_BYTES];

	/* $ printf penciluser | md5sum */
	ok(md5_secret("pencil", "user", secret), "md5 is there");
	is_text(secret, "md520c46e3762c864548e296b33c3406aa9", "a secret as PostgreSQL stores it");
	md5_response(secret, salt, response);
	ok(secret_has_md5_response(secret, "user", salt, response), "its response is right");
	ok(secret_has_md5_response("pencil", "user", salt, response), "for the password as well");
	ok(!secret_has_md5_response("pencil", "users", salt, response), "not for another user");
	ok(!secret_has_md5_response(SCRAM, "user", salt, response), "not for a SCRAM secret");
	ok(!secret_has_md5_response("", "user", salt, response), "nor for none");
	md5_secret(SCRAM "x", "user", secret);
	md5_response(secret, salt, response);
	ok(!secret_has_md5_response(SCRAM "x", "user", salt, response), "nor that of a broken secret's text");
	md5_secret("pencil", "user", secret);
	md5_response(secret, salt, response);
	response[34] ^= 1;
	ok(!secret_has_md5_response("pencil", "user", salt, response), "nor with one digit changed");
	response[34] = '\0';
	ok(!secret_has_md5_response("pencil", "user", salt, response), "nor with one missing");
}

static void test_passwords(void)
{
	char md5[MD5_TEXT_BYTES];

	md5_secret("pencil", "user", md5);
	const char *stored[] = {"pencil", md5, SCRAM};
	for (size_t i = 0; i < 3; i++) {
		ok(secret_has_password(stored[i], "user", "pencil"), "the password of %s",
		   stored[i]);
		ok(!secret_has_password(stored[i], "user", "Pencil"), "another");
		ok(!secret_has_password(stored[i], "user", ""), "none");
		ok(!secret_has_password(stored[i], "user", stored[i]) || i == 0,
		   "the stored text itself");
	}
	ok(!secret_has_password(SCRAM "x", "user", SCRAM "x"), "nor is a broken secret's");
	ok(!secret_has_password("", "user", ""), "no password is not an empty one");
	ok(!secret_has_password(NULL, "user", ""), "nor is an unknown one");
}

static void test_base64(void)
{
	static const char *const bad[] = {"A", "AA", "AAA", "A===", "=AAA", "AA=A", "AAAA====",
					  "AA A", "AAA\n", "AA-_", "AAAA=", "====",
					  "AB==", "AAB="};
	unsigned char bytes[4];
	char text[9];
	size_t length;

	for (size_t n = 0; n <= 4; n++) {
		size_t written = base64_encode("\xff\xfe\xfd\xfc", n, text);
		is_int(written, BASE64_LENGTH(n), "%zu bytes: length", n);
		ok(base64_decode(text, written, bytes, 4, &length) && length == n &&
			   memcmp(bytes, "\xff\xfe\xfd\xfc", n) == 0,
		   "%zu bytes there and back: %s", n, text);
		ok(n == 0 || !base64_decode(text, written, bytes, n - 1, &length),
		   "not into less room");
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!base64_decode(bad[i], strlen(bad[i]), bytes, 4, &length), "not '%s'", bad[i]);
}

static const struct {
	const char *password;
	const char *prepared; /* NULL: used as it is */
} preparations[] = {
	{"pencil", NULL},
	{"\t\x01", NULL},
	{"I\xC2\xADX", "IX"},				/* a soft hyphen: RFC 4013's first example */
	{"a\xC2\xA0" "b", "a b"},			/* a no-break space */
	{"\xE3\x80\x80", " "},				/* an ideographic one */
	{"p\xC3\xA4sswort", "p\xC3\xA4sswort"},
	{"pa\xCC\x88ss", "p\xC3\xA4ss"},		/* an accent of its own */
	{"\xC2\xAA", "a"},				/* RFC 4013's fourth example */
	{"\xEF\xAC\x81sh", "fish"},			/* a ligature */
	{"\xEF\xBC\xA1", "A"},				/* full width */
	{"\xF0\x9D\x90\x80", "A"},			/* bold, beyond the basic plane */
	{"\xF0\x9F\x94\x91\xC2\xAA", NULL},		/* a key, which Unicode 3.2 has not assigned */
	{"\xD8\xA7" "1", NULL},				/* RFC 4013's last example: from right to left, and back */
	{"a\xE2\x80\x8D", "a"},				/* a joiner */
	{"\xC2\xAD", NULL},				/* nothing would be left */
	{"\xC3\xA4\x07", NULL},				/* a bell: prohibited */
	{"\xC2\x85", NULL},
	{"\xE2\x80\xA8", NULL},				/* a line separator */
	{"\xEE\x80\x80", NULL},				/* private use */
	{"\xEF\xBF\xBD", NULL},
	{"\xF0\x9F\xBF\xBE", NULL},			/* the end of a plane */
	{"\xE4", NULL},					/* Latin-1 is not UTF-8 */
	{"\xC3", NULL},
	{"\xC0\x80", NULL},				/* not the shortest form */
	{"\xED\xA0\x80", NULL},				/* a surrogate */
	{"\xF4\x90\x80\x80", NULL},			/* beyond the last character */
	{"\xFF\xFE", NULL},
};

static void test_preparation(void)
{
	for (size_t i = 0; i < sizeof preparations / sizeof *preparations; i++) {
		char *prepared = saslprep(preparations[i].password);
		is_text(prepared, preparations[i].prepared, "password %zu", i);
		free(prepared);
	}
}

int main(void)
{
	test_kinds();
	test_md5();
	test_passwords();
	test_base64();
	test_preparation();
	return done();
}
