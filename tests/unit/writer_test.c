/* Messages that the pooler itself writes, byte by byte. */
#include "protocol/writer.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/message.h"
#include "tests/unit/tap.h"

static struct writer writer;

/* Whether exactly these bytes were written since the last call. */
static bool wrote(const char *bytes, size_t length)
{
	bool same = writer.length == length && memcmp(writer.data, bytes, length) == 0;
	if (!same) {
		printf("#  ");
		for (size_t i = 0; i < writer.length; i++)
			printf(" %02x", (unsigned char)writer.data[i]);
		printf("\n");
	}
	writer_release(&writer);
	return same && !writer.failed;
}
#define WROTE(bytes) wrote(bytes, sizeof(bytes) - 1)

static void test_pieces(void)
{
	writer_init(&writer);
	write_uint8(&writer, 0x1ff);
	write_uint16(&writer, 0x10203);
	write_uint32(&writer, 0xfffefdfc);
	write_text(&writer, "text");
	write_bytes(&writer, "ab\0c", 4);
	write_bytes(&writer, NULL, 0);
	ok(WROTE("\xff\x02\x03\xff\xfe\xfd\xfctext\0ab\0c"), "numbers, texts and bytes");
	ok(writer.data == NULL && writer.length == 0, "a released writer can be used again");
}

static void test_messages(void)
{
	struct failure why;

	write_ready_for_query(&writer, 'T');
	ok(WROTE("Z\0\0\0\5T"), "ReadyForQuery");
	write_command_complete(&writer, "SHOW");
	ok(WROTE("C\0\0\0\x09SHOW\0"), "CommandComplete");
	write_parameter_status(&writer, "TimeZone", "UTC");
	ok(WROTE("S\0\0\0\x11TimeZone\0UTC\0"), "ParameterStatus");
	write_query(&writer, "");
	ok(WROTE("Q\0\0\0\5\0"), "Query");
	write_notice(&writer, "look", "closely");
	ok(WROTE("N\0\0\0\x2bSNOTICE\0VNOTICE\0C00000\0Mlook\0Dclosely\0\0"), "NoticeResponse");
	write_notice(&writer, "look", NULL);
	ok(WROTE("N\0\0\0\x22SNOTICE\0VNOTICE\0C00000\0Mlook\0\0"), "without a detail");

	failure_set(&why, FAILURE_NO_BLOCKS);
	failure_detail(&why, "d");
	write_failure(&writer, &why);
	ok(WROTE("E\0\0\0\x98SFATAL\0VFATAL\0C0A000\0Mtransaction blocks not allowed in statement "
		 "pooling mode\0Dd\0HUse pool_mode = transaction for clients that open "
		 "transactions.\0\0"),
	   "ErrorResponse with detail and hint");
	failure_set(&why, FAILURE_CANCELED);
	write_failure(&writer, &why);
	ok(WROTE("E\0\0\0\x43SERROR\0VERROR\0C57014\0Mcanceling statement due to user request\0\0"),
	   "ErrorResponse without");
}

static void test_many(void)
{
	size_t count = 0;
	bool well = true;

	for (int i = 0; i < 5000; i++) {
		message_begin(&writer, 'D');
		for (int n = 0; n < i % 50; n++)
			write_uint8(&writer, (unsigned)n);
		message_end(&writer);
	}
	const char *at = writer.data;
	for (struct message message;
	     message_look(at, writer.length - (size_t)(at - writer.data), &message); count++) {
		well = well && message.letter == 'D' && message_is_whole(&message) &&
		       message.body_length == count % 50;
		at += message.present;
	}
	ok(well && count == 5000 && at == writer.data + writer.length,
	   "many messages, each of its length");
	writer_release(&writer);
}

/* Memory runs out at some point of many; all calls are to go on as if nothing were. */
static void test_no_memory(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	ok(true, "no memory # SKIP needs the address space limited");
#else
	pid_t child = fork();
	if (child == 0) {
		struct rlimit limit = {256u << 20, RLIM_INFINITY};
		setrlimit(RLIMIT_AS, &limit);
		for (int i = 0; i < 3000000 && !writer.failed; i++)
			write_query(&writer, "select something that takes more than a few bytes, "
					     "since it is said again and again until there is no "
					     "memory left for it in the limit that was set above");
		size_t length = writer.length;
		write_ready_for_query(&writer, 'I');
		write_notice(&writer, "one", "two");
		_exit(writer.failed && writer.length == length ? 0 : 1);
	}
	int status;
	waitpid(child, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	   "without memory all calls do nothing, and the writer says so at the end");
#endif
}

int main(void)
{
	test_pieces();
	test_messages();
	test_many();
	test_no_memory();
	return done();
}
