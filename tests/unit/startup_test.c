/* The first packet of a client: every kind of it, cut anywhere, and the options in it. */
#include "protocol/startup.h"

#include "tests/unit/tap.h"

#define PACKET(bytes)                    \
	{                                \
		bytes, sizeof(bytes) - 1 \
	}

struct packet {
	const char *bytes;
	size_t length;
};

/* Each in memory of its own size, so that a sanitizer sees one byte too many. */
static enum startup_kind parse(const char *bytes, size_t length, struct startup *startup,
			       struct failure *why)
{
	static char *copy;
	free(copy);
	copy = malloc(length > 0 ? length : 1);
	memcpy(copy, bytes, length);
	enum startup_kind kind = startup_parse(copy, length, startup, why);
	if (length == 0) {
		free(copy);
		copy = NULL;
	}
	return kind;
}

/* --- kinds -------------------------------------------------------------------------------- */

static const struct {
	struct packet packet;
	enum startup_kind kind;
	const char *message; /* of a STARTUP_BAD */
	const char *name;
} packets[] = {
	{PACKET("\0\0\0\x08\x04\xd2\x16\x2f"), STARTUP_SSL, NULL, "SSLRequest"},
	{PACKET("\0\0\0\x08\x04\xd2\x16\x30"), STARTUP_GSS, NULL, "GSSENCRequest"},
	{PACKET("\0\0\0\x10\x04\xd2\x16\x2e"
		"12345678"),
	 STARTUP_CANCEL, NULL, "CancelRequest"},
	{PACKET("\0\0\0\x11\0\3\0\0user\0me\0\0"), STARTUP_SESSION, NULL, "a user"},
	{PACKET("\0\0\0\x1f\0\3\0\2user\0me\0_pq_.x\0y\0a\0b\0\0\0"), STARTUP_BAD,
	 "invalid startup packet layout: expected terminator as last byte", "bytes behind the end"},
	{PACKET("\0\0\0\x09\0\3\0\0\0"), STARTUP_SESSION, NULL, "no parameters at all"},
	{PACKET("\0\0\0\x09\x04\xd2\x16\x2f"
		"x"),
	 STARTUP_BAD, "invalid length of startup packet", "a longer SSLRequest"},
	{PACKET("\0\0\0\x09\x04\xd2\x16\x30"
		"x"),
	 STARTUP_BAD, "invalid length of startup packet", "a longer GSSENCRequest"},
	{PACKET("\0\0\0\x0f\x04\xd2\x16\x2e"
		"1234567"),
	 STARTUP_BAD, "invalid length of startup packet", "a shorter CancelRequest"},
	{PACKET("\0\0\0\x08\0\3\0\0"), STARTUP_BAD,
	 "invalid startup packet layout: expected terminator as last byte",
	 "nothing but a version"},
	{PACKET("\0\0\0\x10\0\3\0\0user\0me\0"), STARTUP_BAD,
	 "invalid startup packet layout: expected terminator as last byte", "no terminator"},
	{PACKET("\0\0\0\x10\0\3\0\0user\0me1"), STARTUP_BAD,
	 "invalid startup packet layout: expected terminator as last byte",
	 "a value without an end"},
	{PACKET("\0\0\0\x0d\0\3\0\0user\0"), STARTUP_BAD,
	 "invalid startup packet layout: expected value", "a name without a value"},
	{PACKET("\0\0\0\x09\0\2\0\0\0"), STARTUP_BAD, "old V2 protocol not supported", "version 2"},
	{PACKET("\0\0\0\x09\0\4\0\0\0"), STARTUP_BAD, "unsupported frontend protocol", "version 4"},
	{PACKET("\0\0\0\x09\xff\xff\xff\xff\0"), STARTUP_BAD, "unsupported frontend protocol",
	 "no version"},
	{PACKET("\0\0\0\0....."), STARTUP_BAD, "invalid length of startup packet", "length 0"},
	{PACKET("\0\0\0\3....."), STARTUP_BAD, "invalid length of startup packet", "length 3"},
	{PACKET("\0\0\0\7....."), STARTUP_BAD, "invalid length of startup packet", "length 7"},
	{PACKET("\x7f\xff\xff\xff"), STARTUP_BAD, "invalid length of startup packet", "2^31 - 1"},
	{PACKET("\xff\xff\xff\xff"), STARTUP_BAD, "invalid length of startup packet", "length -1"},
	{PACKET("GET / HTTP/1.0\r\n"), STARTUP_BAD, "invalid length of startup packet", "HTTP"},
	{PACKET("\x16\3\1\2\0\1\0\1\xfc\3\3"), STARTUP_BAD, "invalid length of startup packet",
	 "a TLS ClientHello"},
};

static void test_kinds(void)
{
	for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
		const struct packet *packet = &packets[i].packet;
		struct startup startup;
		struct failure why = {0};

		is_int(parse(packet->bytes, packet->length, &startup, &why), packets[i].kind, "%s",
		       packets[i].name);
		if (packets[i].message)
			is_text(why.message, packets[i].message, "%s: why", packets[i].name);
		else
			is_int(startup.packet_length, packet->length, "%s: its length",
			       packets[i].name);
	}
}

/* Less than a packet is never taken for one, and never for a bad one if the whole is good. */
static void test_cuts(void)
{
	for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
		const struct packet *packet = &packets[i].packet;
		struct startup startup;
		struct failure why;
		int wrong = 0;

		for (size_t length = 0; length < packet->length; length++) {
			enum startup_kind kind = parse(packet->bytes, length, &startup, &why);
			wrong += kind != STARTUP_INCOMPLETE &&
				 !(kind == STARTUP_BAD && packets[i].kind == STARTUP_BAD);
		}
		is_int(wrong, 0, "%s, cut at each byte", packets[i].name);
	}
}

static void test_followed_by_more(void)
{
	struct startup startup;
	struct failure why;

	is_int(parse("\0\0\0\x08\x04\xd2\x16\x2f"
		     "hello",
		     13, &startup, &why),
	       STARTUP_SSL, "bytes behind a request for encryption are not its own");
	is_int(startup.packet_length, 8, "and not counted");
	is_int(parse("\0\0\0\x10\x04\xd2\x16\x2e"
		     "12345678X",
		     17, &startup, &why),
	       STARTUP_CANCEL, "nor those behind a cancel request");
	ok(memcmp(startup.cancel_key, "12345678", CANCEL_KEY_BYTES) == 0, "whose key is there");
}

/* --- long ones ---------------------------------------------------------------------------- */

static enum startup_kind parse_long(size_t length)
{
	static char packet[STARTUP_LONGEST + 10];
	struct startup startup;
	struct failure why;

	memset(packet, 'v', sizeof packet);
	packet[0] = packet[1] = 0;
	packet[2] = (char)(length >> 8);
	packet[3] = (char)length;
	memcpy(packet + 4, "\0\3\0\0name\0", 9);
	packet[length - 1] = packet[length - 2] = '\0';
	enum startup_kind kind = parse(packet, length, &startup, &why);
	if (parse(packet, 4, &startup, &why) != (kind == STARTUP_BAD ? kind : STARTUP_INCOMPLETE))
		abort();
	return kind;
}

static void test_long_packets(void)
{
	is_int(parse_long(9999), STARTUP_SESSION, "9,999 bytes");
	is_int(parse_long(10000), STARTUP_SESSION, "10,000 bytes are the most");
	is_int(parse_long(10001), STARTUP_BAD, "10,001 are refused, before they have come");
}

/* --- parameters --------------------------------------------------------------------------- */

static void test_parameters(void)
{
	static const char packet[] = "\0\0\0\xff\0\3\0\7"
				     "TimeZone\0UTC\0user\0me\0_pq_.new\0on\0database\0shop\0"
				     "empty\0\0options\0-c a=b\0replication\0true\0last\0one\0";
	char bytes[sizeof packet];
	struct startup startup;
	struct failure why;
	char seen[200] = "";
	const char *name, *value;

	memcpy(bytes, packet, sizeof packet);
	bytes[3] = (char)sizeof packet;
	is_int(parse(bytes, sizeof bytes, &startup, &why), STARTUP_SESSION, "many parameters");
	is_int(startup.minor, 7, "the minor version");
	is_text(startup.user, "me", "the user");
	is_text(startup.database, "shop", "the database");
	is_text(startup.options, "-c a=b", "the options");
	is_int(startup.replication, REPLICATION_PHYSICAL, "replication");
	const char *cursor = startup.parameters;
	while (startup_next(&cursor, &name, &value))
		sprintf(seen + strlen(seen), "%s=%s;", name, value);
	is_text(seen, "TimeZone=UTC;_pq_.new=on;empty=;last=one;", "the others, in their order");
	ok(!startup_next(&cursor, &name, &value), "and no more");
	ok(startup_is_protocol_option("_pq_.x") && !startup_is_protocol_option("_pq_x") &&
		   !startup_is_protocol_option(""),
	   "protocol options are told by their prefix");

	is_int(parse("\0\0\0\x19\0\3\0\0user\0\0database\0\0\0", 25, &startup, &why),
	       STARTUP_SESSION, "empty values");
	ok(startup.user == NULL && startup.database == NULL, "count as not given");
}

/* --- replication -------------------------------------------------------------------------- */

/* What PostgreSQL makes of each word: whoever takes it for another is led past the lines of HBA. */
static const struct {
	const char *words;
	int mode; /* -1: refused */
} modes[] = {
	{"database", REPLICATION_LOGICAL},
	{"true tru tr t TRUE Tr T yes ye y YES Y on ON oN 1", REPLICATION_PHYSICAL},
	{"false fals fal fa f FALSE FALS F no n NO N off of OFF OF oF 0", REPLICATION_NONE},
	{"DATABASE Database databas d truee trye falsely nope noo yess o O onn offf 00 01 10 2 -1",
	 -1},
};

static int mode_of(const char *word)
{
	char bytes[100] = "\0\0\0\0\0\3\0\0replication";
	struct startup startup;
	struct failure why;
	size_t length = 20 + strlen(word) + 2;

	strcpy(bytes + 20, word);
	bytes[3] = (char)length;
	if (parse(bytes, length, &startup, &why) == STARTUP_SESSION)
		return (int)startup.replication;
	return why.kind == FAILURE_REPLICATION_VALUE ? -1 : -2;
}

static void test_replication(void)
{
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		char *copy = strdup(modes[i].words), *rest = copy, *word;

		while ((word = strsep(&rest, " ")) != NULL)
			is_int(mode_of(word), modes[i].mode, "replication=%s", word);
		free(copy);
	}
	is_int(mode_of(""), -1, "an empty word");
}

/* --- options ------------------------------------------------------------------------------ */

static const struct {
	const char *options;
	const char *settings;
} option_cases[] = {
	{"", ""},
	{"   ", ""},
	{"-c a=b", "a=b;"},
	{"-ca=b", "a=b;"},
	{"--a=b", "a=b;"},
	{"  -c   a=b  --c=d -ce=f ", "a=b;c=d;e=f;"},
	{"-c\ta=b\v--c=d", "a=b;c=d;"},
	{"--log-min-messages=debug-5", "log_min_messages=debug-5;"},
	{"-c search-path=a-b", "search_path=a-b;"},
	{"-c a=", "a=;"},
	{"-c a=b=c", "a=b=c;"},
	{"-c a=x\\ y", "a=x y;"},
	{"-c a=x\\\\y", "a=x\\y;"},
	{"-c a=\\\\\\ z --b=\\'", "a=\\ z;b=';"},
	{"\\-c a=b", "a=b;"},
	{"-c a=b\\", "a=b\\;"},
	{"--a=b -c", "a=b;!"},
	{"-c", "!"},
	{"-c a", "!"},
	{"-c =b", "!"},
	{"--", "!"},
	{"--a", "!"},
	{"--=b", "!"},
	{"-d 3", "!"},
	{"a=b", "!"},
	{"-", "!"},
	{"-c a=b x", "a=b;!"},
	{"-c -c a=b", "!"},
};

static void test_options(void)
{
	for (size_t i = 0; i < sizeof option_cases / sizeof *option_cases; i++) {
		char seen[200] = "";
		char *copy = strdup(option_cases[i].options), *cursor = copy;
		const char *name, *value;
		struct failure why = {0};
		int found;

		while ((found = startup_option_next(&cursor, &name, &value, &why)) == 1)
			sprintf(seen + strlen(seen), "%s=%s;", name, value);
		if (found < 0)
			strcat(seen, why.kind == FAILURE_STARTUP_OPTIONS ? "!" : "?");
		is_text(seen, option_cases[i].settings, "options '%s'", option_cases[i].options);
		free(copy);
	}
}

static const struct {
	size_t ascii; /* letters in front of the characters */
	const char *character;
	size_t length;
} name_cases[] = {
	{62, "", 62},	     {63, "", 63},	     {64, "", 63},	 {61, "\xc3\xa4", 63},
	{62, "\xc3\xa4", 62}, {63, "\xc3\xa4", 63}, {61, "\xe2\x82\xac", 61},
	{60, "\xf0\x9f\x98\x80", 60}, {59, "\xf0\x9f\x98\x80", 63}, {59, "\xa4\xa4\xa4\xa4\xa4\xa4", 63},
};

static void test_names(void)
{
	for (size_t i = 0; i < sizeof name_cases / sizeof *name_cases; i++) {
		char name[100] = "";

		memset(name, 'x', name_cases[i].ascii);
		strcat(name, name_cases[i].character);
		is_int((int)startup_name_length(name), (int)name_cases[i].length, "%zu letters, and %zu bytes",
		       name_cases[i].ascii, strlen(name_cases[i].character));
	}
}

int main(void)
{
	struct startup startup;
	struct failure why;

	test_kinds();
	test_cuts();
	test_followed_by_more();
	test_long_packets();
	test_parameters();
	test_replication();
	test_options();
	test_names();
	parse("", 0, &startup, &why); /* lets its copy go */
	return done();
}
