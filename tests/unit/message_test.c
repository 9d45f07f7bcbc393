/* Headers of messages: what they say, how much is there, and which the two sides may send. */
#include "protocol/message.h"

#include "tests/unit/tap.h"

static struct message look(unsigned char letter, uint32_t length_word, size_t left)
{
	static char bytes[64];
	struct message message;

	bytes[0] = (char)letter;
	bytes[1] = (char)(length_word >> 24);
	bytes[2] = (char)(length_word >> 16);
	bytes[3] = (char)(length_word >> 8);
	bytes[4] = (char)length_word;
	if (!message_look(bytes, left, &message))
		abort();
	return message;
}

static void test_numbers(void)
{
	is_int(read_uint32("\x01\x02\x03\x04"), 0x01020304, "32 bits, most significant first");
	is_int(read_uint32("\xff\xff\xff\xfe"), 0xfffffffe, "without a sign");
	is_int(read_uint16("\xff\x01"), 0xff01, "16 bits");
}

static void test_headers(void)
{
	static const char query[] = "Q\0\0\0\x0aSELE;\0";
	struct message message;

	for (size_t left = 0; left < MESSAGE_HEADER_BYTES; left++)
		ok(!message_look(query, left, &message), "%zu bytes are no header", left);
	for (size_t left = MESSAGE_HEADER_BYTES; left < 14; left++) {
		bool looked = message_look(query, left, &message);
		ok(looked && message.present == (left < 11 ? left : 11) &&
			   message_is_whole(&message) == (left >= 11),
		   "%zu bytes are %zu of this message", left, message.present);
	}
	is_int(message.letter, FRONTEND_QUERY, "its letter");
	ok(message.start == query && message.body == query + 5, "its place");
	is_int(message.body_length, 6, "and the length of its body");

	message = look('S', 4, 5);
	ok(message_is_whole(&message) && message.body_length == 0, "a message without a body");
	is_int(look(0xff, 4, 5).letter, 0xff, "a letter has no sign");
}

static const uint32_t bad_lengths[] = {0, 1, 3, 0x80000000u, 0x80000003u, 0xfffffffbu, 0xffffffffu};

static void test_bad_lengths(void)
{
	for (size_t i = 0; i < sizeof bad_lengths / sizeof *bad_lengths; i++) {
		struct message message = look('Q', bad_lengths[i], 64);
		is_int(frontend_message_check(&message, 0x7fffffff), MESSAGE_BAD_LENGTH,
		       "a client's length of %" PRId32 " is refused", (int32_t)bad_lengths[i]);
		message = look('D', bad_lengths[i], 64);
		is_int(backend_message_check(&message), MESSAGE_BAD_LENGTH,
		       "and a server's of %" PRId32, (int32_t)bad_lengths[i]);
	}
}

static void test_letters(void)
{
	/* The manual's lists. Passwords are no part of a session, nor are a server's 'R' and 'K'. */
	static const char frontend[] = "BCDEFHPQSXcdf";
	static const char backend[] = "123ACDEGHINSTVWZcdnst";
	int wrong = 0;

	for (int letter = 0; letter < 256; letter++) {
		struct message message = look((unsigned char)letter, 4, 5);
		bool expected = letter != 0 && strchr(frontend, letter) != NULL;
		wrong += (frontend_message_check(&message, 1024) == MESSAGE_GOOD) != expected;
		wrong += (frontend_message_check(&message, 1024) == MESSAGE_UNKNOWN) == expected;
		expected = letter != 0 && strchr(backend, letter) != NULL;
		wrong += (backend_message_check(&message) == MESSAGE_GOOD) != expected;
	}
	is_int(wrong, 0, "the letters that each side may send, and no others");
	struct message sync = look('S', 4, 5);
	is_int(frontend_message_check(&sync, 4), MESSAGE_BAD_LENGTH, "a limit below any message");
	is_int(frontend_message_check(&sync, 5), MESSAGE_GOOD, "and one that lets the shortest in");
}

/* PostgreSQL's limits count the length word itself (pq_getmessage). */
static void test_limits(void)
{
	static const char small[] = "CDESXcf", large[] = "BFPQd";
	int wrong = 0;

	for (const char *letter = small; *letter != '\0'; letter++) {
		struct message fits = look((unsigned char)*letter, 10000, 5);
		struct message longer = look((unsigned char)*letter, 10001, 5);
		wrong += frontend_message_check(&fits, 0x7fffffff) != MESSAGE_GOOD;
		wrong += frontend_message_check(&longer, 0x7fffffff) != MESSAGE_BAD_LENGTH;
	}
	is_int(wrong, 0, "small messages may have 10,000 bytes");
	for (const char *letter = large; *letter != '\0'; letter++) {
		struct message fits = look((unsigned char)*letter, 0x3ffffffe, 5);
		struct message longer = look((unsigned char)*letter, 0x3fffffff, 5);
		wrong += frontend_message_check(&fits, 0x7fffffff) != MESSAGE_GOOD;
		wrong += frontend_message_check(&longer, 0x7fffffff) != MESSAGE_BAD_LENGTH;
	}
	is_int(wrong, 0, "large ones what PostgreSQL can hold in memory");

	struct message flush = look('H', 4, 5);
	is_int(frontend_message_check(&flush, 0x7fffffff), MESSAGE_GOOD, "a Flush is empty");
	flush = look('H', 5, 6);
	is_int(frontend_message_check(&flush, 0x7fffffff), MESSAGE_BAD_LENGTH, "... always");

	struct message message = look('Q', 1023, 5);
	is_int(frontend_message_check(&message, 1024), MESSAGE_GOOD, "max_packet_size bytes");
	message = look('Q', 1024, 5);
	is_int(frontend_message_check(&message, 1024), MESSAGE_BAD_LENGTH, "and not one more");
	message = look('D', 0x7fffffff, 5);
	is_int(backend_message_check(&message), MESSAGE_GOOD,
	       "a server's may be as long as it can");
}

static void test_runs(void)
{
	static const char rows[] = "D\0\0\0\x05x" "D\0\0\0\x04" "D\0\0\0\x06yz" "C\0\0\0\x04";
	static const char lies[] = "D\0\0\0\x04" "D\0\0\0\x03" "D\xff\xff\xff\xff";

	is_int(message_run(rows, sizeof rows - 1, 'D'), 18, "a run of rows ends at another message");
	is_int(message_run(rows, 17, 'D'), 11, "and in front of one that is incomplete");
	is_int(message_run(rows, 14, 'D'), 11, "or whose header is");
	is_int(message_run(rows, sizeof rows - 1, 'd'), 0, "another letter has no run here");
	is_int(message_run(lies, sizeof lies - 1, 'D'), 5, "a length that cannot be ends a run");
	is_int(message_run(lies + 10, 5, 'D'), 0, "a huge one too");
	is_int(message_run(rows, 0, 'D'), 0, "nothing is no run");
}

int main(void)
{
	test_numbers();
	test_headers();
	test_bad_lengths();
	test_letters();
	test_limits();
	test_runs();
	return done();
}
