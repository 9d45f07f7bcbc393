/*
 * One stream of the loop and its peer, a blocking socket, for the tests of streams.
 */
#ifndef MILLPOND_TESTS_UNIT_STREAMED_H
#define MILLPOND_TESTS_UNIT_STREAMED_H

#include <errno.h>

#include "daemon/runtime/stream.h"
#include "tests/unit/in_loop.h"
#include "tests/unit/sockets.h"
#include "tests/unit/tap.h"

static struct stream stream;
static int peer;
static int spoke_count;

static void spoke(struct stream *which)
{
	(void)which;
	spoke_count++;
}

static void open_stream(void)
{
	int pair[2];
	make_pair(pair);
	stream_init(&stream, &loop, pair[0], spoke);
	if (!stream_watch(&stream))
		abort();
	peer = pair[1];
}

static void close_stream(void)
{
	stream_close(&stream);
	close(peer);
}

static void say(const char *text)
{
	if (write(peer, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
}

static bool reads(const char *text)
{
	char *data;
	ssize_t length = stream_read(&stream, &data);
	return length == (ssize_t)strlen(text) && memcmp(data, text, strlen(text)) == 0;
}

/* Each time in a loop of its own. */
static void with_both_kinds(void (*test)(void))
{
	kind = "unix";
	in_loop(test);
	kind = "tcp";
	in_loop(test);
}

#endif
