/* SCRAM-SHA-256 in both roles: the vectors of RFC 7677, and every message that must be refused. */
#include "protocol/scram.h"

#include "protocol/base64.h"
#include "protocol/scram_client.h"
#include "protocol/scram_server.h"
#include "tests/unit/tap.h"

static const unsigned char random_bytes[SCRAM_NONCE_BYTES] = "abcdefghijklmnopqr";

/* The conversation of RFC 7677, section 3. */
#define RFC_NONCE "rOprNGfwEbeRWgbNEkqO"
#define RFC_BOTH  RFC_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define RFC_SALT  "W22ZaJ0SNY7soEsUEjb6gQ=="
#define RFC_FIRST "r=" RFC_BOTH ",s=" RFC_SALT ",i=4096"
#define RFC_FINAL "c=biws,r=" RFC_BOTH ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define RFC_PROOF "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static struct scram_secret pencil(unsigned char client_key[SCRAM_KEY_BYTES])
{
	struct scram_secret secret = {.iterations = 4096};

	base64_decode(RFC_SALT, strlen(RFC_SALT), secret.salt, sizeof secret.salt,
		      &secret.salt_length);
	scram_secret_derive(&secret, "pencil", client_key);
	return secret;
}

static bool first(struct scram_server *server, const char *message, size_t length,
		  struct failure *why)
{
	/* In memory of its own size, so that a sanitizer sees one byte too many. */
	char *copy = malloc(length > 0 ? length : 1);
	memcpy(copy, message, length);
	bool good = scram_server_first(server, copy, length, random_bytes, why);
	free(copy);
	return good;
}

static bool final(struct scram_server *server, const char *message, size_t length,
		  struct failure *why)
{
	char *copy = malloc(length > 0 ? length : 1);
	memcpy(copy, message, length);
	bool good = scram_server_final(server, copy, length, why);
	free(copy);
	return good;
}

/* Puts the conversation where the RFC's is after two messages. */
static void play_rfc(struct scram_server *server, struct failure *why)
{
	static const char hello[] = "n,,n=user,r=" RFC_NONCE;

	*server = (struct scram_server){.secret = pencil(NULL)};
	first(server, hello, strlen(hello), why);
	strcpy(server->server_first, RFC_FIRST);
	server->nonce_length = strlen(RFC_BOTH);
}

static void test_rfc_server(void)
{
	struct scram_server server;
	struct failure why;
	unsigned char key[SCRAM_KEY_BYTES];

	play_rfc(&server, &why);
	ok(final(&server, RFC_FINAL, strlen(RFC_FINAL), &why), "the RFC's proof is accepted");
	is_text(server.answer, RFC_PROOF, "and answered with its signature");
	pencil(key);
	ok(memcmp(key, server.client_key, sizeof key) == 0, "and the client's key is known then");

	play_rfc(&server, &why);
	server.doomed = true;
	ok(!final(&server, RFC_FINAL, strlen(RFC_FINAL), &why), "no proof helps the doomed");
	is_int(why.kind, FAILURE_SASL_FAILED, "with the failure of a wrong password");

	play_rfc(&server, &why);
	scram_secret_derive(&server.secret, "Pencil", NULL);
	ok(!final(&server, RFC_FINAL, strlen(RFC_FINAL), &why), "another password");
	is_int(why.kind, FAILURE_SASL_FAILED, "is a wrong one");
	scram_server_release(&server);
	ok(server.first_bare[0] == '\0' && server.secret.iterations == 0, "release wipes");
}

static void test_rfc_client(void)
{
	struct scram_client client = {.uses_plus = false};
	struct failure why = {0};

	client.secret = pencil(client.client_key);
	scram_client_first(&client, random_bytes);
	is_text(client.answer, "n,,n=,r=YWJjZGVmZ2hpamtsbW5vcHFy", "the first message");
	strcpy(client.first_bare, "n=user,r=" RFC_NONCE);
	ok(scram_client_final(&client, RFC_FIRST, strlen(RFC_FIRST), &why), "the RFC's challenge");
	is_text(client.answer, RFC_FINAL, "is answered as in the RFC");
	ok(scram_client_verify(&client, RFC_PROOF, strlen(RFC_PROOF), &why),
	   "and its signature is accepted");
}

/* --- what a client may get wrong ------------------------------------------------------------ */

#define TEXT(bytes) bytes, sizeof(bytes) - 1

static const struct {
	const char *message;
	size_t length;
	bool plus;
	bool offered;
	enum failure_kind kind;
} firsts[] = {
	{TEXT("n,,n=,r=abc"), false, false, FAILURE_NONE},
	{TEXT("n,,n=somebody,r=abc"), false, false, FAILURE_NONE},
	{TEXT("y,,n=,r=abc"), false, false, FAILURE_NONE},
	{TEXT("n,,n=,r=abc,x=extension"), false, false, FAILURE_NONE},
	{TEXT("n,,n=,r=abc"), false, true, FAILURE_NONE},
	{TEXT("p=tls-server-end-point,,n=,r=abc"), true, true, FAILURE_NONE},
	{TEXT("y,,n=,r=abc"), false, true, FAILURE_SASL_DOWNGRADE},
	{TEXT("y,,n=,r=abc"), true, true, FAILURE_SASL_MALFORMED},
	{TEXT("n,,n=,r=abc"), true, true, FAILURE_SASL_MALFORMED},
	{TEXT("p=tls-server-end-point,,n=,r=abc"), false, true, FAILURE_SASL_MALFORMED},
	{TEXT("p=tls-unique,,n=,r=abc"), true, true, FAILURE_SASL_MALFORMED},
	{TEXT("p=,,n=,r=abc"), true, true, FAILURE_SASL_MALFORMED},
	{TEXT("p,,n=,r=abc"), true, true, FAILURE_SASL_MALFORMED},
	{TEXT("p=tls-server-end-pointx,,n=,r=abc"), true, true, FAILURE_SASL_MALFORMED},
	{TEXT("p=tls-server-end-poin,,n=,r=abc"), true, true, FAILURE_SASL_MALFORMED},
	{TEXT(""), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,,"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,,n="), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,,n=,"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,,n=,r"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,,n=,r="), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,,n=,r=,x=y"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,,r=abc"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,,n=,s=abc"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,,m=must,n=,r=abc"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,a=other,n=,r=abc"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,x,n=,r=abc"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("x,,n=,r=abc"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("nn,,n=,r=abc"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT(",,n=,r=abc"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,,n=,r=a\0c"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,,n=,r=abc\0"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,,n=,r=a\x7f"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,,n=,r=a b"), false, false, FAILURE_SASL_MALFORMED},
	{TEXT("n,,n=,r=\xc3\xa4"), false, false, FAILURE_SASL_MALFORMED},
};

static void test_first_messages(void)
{
	for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
		struct scram_server server = {.secret = pencil(NULL)};
		struct failure why = {0};

		server.uses_plus = firsts[i].plus;
		server.offered_plus = firsts[i].offered;
		bool good = first(&server, firsts[i].message, firsts[i].length, &why);
		is_int(good ? FAILURE_NONE : why.kind, firsts[i].kind, "first message '%s'%s%s",
		       firsts[i].message, firsts[i].plus ? " with PLUS" : "",
		       firsts[i].offered && !firsts[i].plus ? " without the PLUS offered" : "");
	}
}

/* %s is the nonce. */
static const struct {
	const char *format;
	enum failure_kind kind;
} finals[] = {
	{"c=biws,r=%s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", FAILURE_SASL_FAILED},
	{"c=biws,r=%s,x=y,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", FAILURE_SASL_FAILED},
	{"c=eSws,r=%s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", FAILURE_SASL_MALFORMED},
	{"c=biwsx,r=%s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", FAILURE_SASL_MALFORMED},
	{"c=,r=%s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", FAILURE_SASL_MALFORMED},
	{"r=%s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", FAILURE_SASL_MALFORMED},
	{"c=biws,r=%sx,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", FAILURE_SASL_MALFORMED},
	{"c=biws,r=x%s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", FAILURE_SASL_MALFORMED},
	{"c=biws,r=abc,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", FAILURE_SASL_MALFORMED},
	{"c=biws,r=,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", FAILURE_SASL_MALFORMED},
	{"c=biws,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", FAILURE_SASL_MALFORMED},
	{"c=biws,r=%s", FAILURE_SASL_MALFORMED},
	{"c=biws,r=%s,", FAILURE_SASL_MALFORMED},
	{"c=biws,r=%s,x=y", FAILURE_SASL_MALFORMED},
	{"c=biws,r=%s,p", FAILURE_SASL_MALFORMED},
	{"c=biws,r=%s,p=", FAILURE_SASL_MALFORMED},
	{"c=biws,r=%s,p=====", FAILURE_SASL_MALFORMED},
	{"c=biws,r=%s,p=AAAA", FAILURE_SASL_MALFORMED},
	{"c=biws,r=%s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", FAILURE_SASL_MALFORMED},
	{"c=biws,r=%s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,x=y", FAILURE_SASL_MALFORMED},
	{"c=biws,r=%s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA A=", FAILURE_SASL_MALFORMED},
	{"", FAILURE_SASL_MALFORMED},
	{"c", FAILURE_SASL_MALFORMED},
	{"c=", FAILURE_SASL_MALFORMED},
	{"c=biws", FAILURE_SASL_MALFORMED},
	{"c=biws,", FAILURE_SASL_MALFORMED},
};

static void test_final_messages(void)
{
	for (size_t i = 0; i < sizeof finals / sizeof *finals; i++) {
		struct scram_server server = {.secret = pencil(NULL)};
		struct failure why = {0};
		char message[400];

		first(&server, TEXT("n,,n=,r=abc"), &why);
		char *nonce = strndup(server.nonce, server.nonce_length);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		sprintf(message, finals[i].format, nonce);
#pragma GCC diagnostic pop
		bool good = final(&server, message, strlen(message), &why);
		is_int(good ? FAILURE_NONE : why.kind, finals[i].kind, "last message '%s'",
		       finals[i].format);
		is_text(why.message, "SASL authentication failed", "... and the client's words");
		free(nonce);
	}
}

/* Lengths around the limit, at both steps. */
static void test_lengths(void)
{
	char message[SCRAM_MESSAGE_MOST + 2];
	struct failure why;

	for (size_t length = SCRAM_MESSAGE_MOST - 1; length <= SCRAM_MESSAGE_MOST + 1; length++) {
		struct scram_server server = {.secret = pencil(NULL)};
		server.secret.salt_length = SCRAM_SALT_MOST;
		memset(message, 'z', sizeof message);
		memcpy(message, "n,,n=,r=", 8);
		is_int(first(&server, message, length, &why), length <= SCRAM_MESSAGE_MOST,
		       "a first message of %zu bytes", length);
		if (length > SCRAM_MESSAGE_MOST)
			continue;
		is_int(strlen(server.server_first) + 1 <= sizeof server.server_first, true,
		       "its answer fits");
		memset(message, 'z', sizeof message);
		ok(!final(&server, message, length, &why), "a last message of that length");
		ok(!final(&server, message, SCRAM_MESSAGE_MOST + 1, &why), "and too long a one");
	}
}

/* --- binding to a channel ------------------------------------------------------------------- */

static void converse(struct scram_client *client, struct scram_server *server, bool *accepted,
		     struct failure *why)
{
	scram_client_first(client, random_bytes);
	*accepted = first(server, client->answer, strlen(client->answer), why) &&
		    scram_client_final(client, server->answer, strlen(server->answer), why) &&
		    final(server, client->answer, strlen(client->answer), why) &&
		    scram_client_verify(client, server->answer, strlen(server->answer), why);
}

static void test_both_roles(void)
{
	for (int plus = 0; plus <= 1; plus++)
		for (int same = 0; same <= plus; same++) {
			struct scram_client client = {.uses_plus = plus, .binding_length = 32};
			struct scram_server server = {.uses_plus = plus, .offered_plus = plus,
						      .binding_length = 32};
			struct failure why = {0};
			bool accepted;

			client.secret = pencil(client.client_key);
			server.secret = client.secret;
			client.binding[3] = plus && !same;
			converse(&client, &server, &accepted, &why);
			is_int(accepted, !plus || same, "%s, %s certificate",
			       plus ? "PLUS" : "no PLUS", same ? "the same" : "another");
			if (plus && !same)
				is_int(why.kind, FAILURE_SASL_BINDING, "and the reason is named");
		}
}

static void test_downgrade(void)
{
	struct scram_client client = {.is_encrypted = true};
	struct scram_server server = {.offered_plus = true};
	struct failure why = {0};
	bool accepted;

	client.secret = pencil(client.client_key);
	server.secret = client.secret;
	converse(&client, &server, &accepted, &why);
	ok(!accepted && why.kind == FAILURE_SASL_DOWNGRADE,
	   "a client that was not shown the stronger mechanism");
	server = (struct scram_server){.secret = client.secret};
	converse(&client, &server, &accepted, &why);
	ok(accepted, "is welcome where there is none");
}

/* --- what a server may get wrong ------------------------------------------------------------ */

#define OURS "YWJjZGVmZ2hpamtsbW5vcHFy"

static const struct {
	const char *message;
	size_t length;
	bool good;
} challenges[] = {
	{TEXT("r=" OURS "x,s=" RFC_SALT ",i=4096"), true},
	{TEXT("r=" OURS "x,s=" RFC_SALT ",i=4096,x=y"), true},
	{TEXT("r=" OURS ",s=" RFC_SALT ",i=4096"), false},
	{TEXT("r=xWJjZGVmZ2hpamtsbW5vcHFyx,s=" RFC_SALT ",i=4096"), false},
	{TEXT("r=,s=" RFC_SALT ",i=4096"), false},
	{TEXT("s=" RFC_SALT ",i=4096"), false},
	{TEXT("r=" OURS "x,i=4096"), false},
	{TEXT("r=" OURS "x,s=,i=4096"), false},
	{TEXT("r=" OURS "x,s=AAAA,i=4096"), false},
	{TEXT("r=" OURS "x,s=" RFC_SALT), false},
	{TEXT("r=" OURS "x,s=" RFC_SALT ",i="), false},
	{TEXT("r=" OURS "x,s=" RFC_SALT ",i=0"), false},
	{TEXT("r=" OURS "x,s=" RFC_SALT ",i=1"), false},
	{TEXT("r=" OURS "x,s=" RFC_SALT ",i=-1"), false},
	{TEXT("r=" OURS "x,s=" RFC_SALT ",i=2147483648"), false},
	{TEXT("r=" OURS "x,s=" RFC_SALT ",i=99999999999999999999"), false},
	{TEXT("r=" OURS "x,s=" RFC_SALT ",i=4096x"), false},
	{TEXT("m=must,r=" OURS "x,s=" RFC_SALT ",i=4096"), false},
	{TEXT("r=" OURS "x\0,s=" RFC_SALT ",i=4096"), false},
	{TEXT("r=" OURS "\x80,s=" RFC_SALT ",i=4096"), false},
	{TEXT(""), false},
};

static const char *const signatures[] = {
	"", "v", "v=", "v=AAAA", "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	"e=other-error", "e=", "x=y", RFC_PROOF ",x=y", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=",
};

static void test_hostile_server(void)
{
	struct failure why = {0};

	for (size_t i = 0; i < sizeof challenges / sizeof *challenges; i++) {
		struct scram_client client = {.uses_plus = false};
		char *copy = malloc(challenges[i].length + 1);
		client.secret = pencil(client.client_key);
		scram_client_first(&client, random_bytes);
		memcpy(copy, challenges[i].message, challenges[i].length);
		is_int(scram_client_final(&client, copy, challenges[i].length, &why),
		       challenges[i].good, "challenge '%s'", challenges[i].message);
		free(copy);
	}
	for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
		struct scram_client client = {.uses_plus = false};
		client.secret = pencil(client.client_key);
		scram_client_first(&client, random_bytes);
		strcpy(client.first_bare, "n=user,r=" RFC_NONCE);
		scram_client_final(&client, RFC_FIRST, strlen(RFC_FIRST), &why);
		ok(!scram_client_verify(&client, signatures[i], strlen(signatures[i]), &why),
		   "signature '%s'", signatures[i]);
	}
}

/* --- secrets -------------------------------------------------------------------------------- */

#define KEYS "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static const struct {
	const char *text;
	bool good;
} secrets[] = {
	{"SCRAM-SHA-256$4096:" RFC_SALT "$" KEYS, true},
	{"SCRAM-SHA-256$1:AAAA$" KEYS, true},
	{"SCRAM-SHA-256$2147483647:AAAA$" KEYS, true},
	{"SCRAM-SHA-256$2147483648:AAAA$" KEYS, false},
	{"SCRAM-SHA-256$0:AAAA$" KEYS, false},
	{"SCRAM-SHA-256$-1:AAAA$" KEYS, false},
	{"SCRAM-SHA-256$ 1:AAAA$" KEYS, false},
	{"SCRAM-SHA-256$:AAAA$" KEYS, false},
	{"SCRAM-SHA-256$4096:$" KEYS, false},
	{"SCRAM-SHA-256$4096:AAA$" KEYS, false},
	{"SCRAM-SHA-256$4096:AAAA" KEYS, false},
	{"SCRAM-SHA-256$4096:AAAA$AAAA:AAAA", false},
	{"SCRAM-SHA-256$4096:AAAA$" KEYS "AAAA", false},
	{"SCRAM-SHA-256$4096:AAAA$", false},
	{"SCRAM-SHA-256$4096", false},
	{"SCRAM-SHA-256", false},
	{"scram-sha-256$4096:AAAA$" KEYS, false},
	{"", false},
};

static void test_secrets(void)
{
	struct scram_secret secret;
	char text[SCRAM_TEXT_MOST];

	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
		is_int(scram_secret_parse(secrets[i].text, &secret), secrets[i].good, "secret '%s'",
		       secrets[i].text);
	secret = pencil(NULL);
	scram_secret_print(&secret, text);
	is_text(text, "SCRAM-SHA-256$4096:" RFC_SALT "$" KEYS, "the secret of the RFC's password");
	ok(scram_secret_has_password(&secret, "pencil", NULL), "has that password");
	ok(!scram_secret_has_password(&secret, "pencils", NULL), "and no other");

	memset(secret.salt, 0xff, sizeof secret.salt);
	secret.salt_length = SCRAM_SALT_MOST;
	secret.iterations = INT32_MAX;
	scram_secret_print(&secret, text);
	ok(strlen(text) < SCRAM_TEXT_MOST, "the longest text fits");
	ok(scram_secret_parse(text, &secret) && secret.salt_length == SCRAM_SALT_MOST,
	   "and can be read");
}

static void test_invented_salts(void)
{
	unsigned char key[SCRAM_KEY_BYTES] = {1};
	struct scram_secret one, again, other;

	scram_invent_salt(&one, 4096, key, "somebody");
	scram_invent_salt(&again, 4096, key, "somebody");
	scram_invent_salt(&other, 4096, key, "somebody else");
	ok(memcmp(one.salt, again.salt, SCRAM_SALT_BYTES) == 0, "a user's salt stays");
	ok(memcmp(one.salt, other.salt, SCRAM_SALT_BYTES) != 0, "another's is another");
	key[0] = 2;
	scram_invent_salt(&again, 4096, key, "somebody");
	ok(memcmp(one.salt, again.salt, SCRAM_SALT_BYTES) != 0, "as is that of another process");
}

int main(void)
{
	test_rfc_server();
	test_rfc_client();
	test_first_messages();
	test_final_messages();
	test_lengths();
	test_both_roles();
	test_downgrade();
	test_hostile_server();
	test_secrets();
	test_invented_salts();
	return done();
}
