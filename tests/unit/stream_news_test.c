/* What counts as news of a stream: bytes that nobody has looked at, and a peer that has gone. */
#include "tests/unit/streamed.h"

static void test_put_back(void)
{
	char *data;

	open_stream();
	say("one,two");
	await_readable(&stream, after(5000));
	stream_read(&stream, &data);
	ok(!stream_has_news(&stream), "%s: what was read is no news", kind);
	stream_keep(&stream, data + 4, 3);
	ok(!stream_has_news(&stream), "%s: nor is what was kept", kind);
	ok(stream_put_back(&stream, "", 0) && !stream_has_news(&stream), "%s: nor nothing put back",
	   kind);
	stream_reread(&stream, &data);
	ok(stream_put_back(&stream, data, 3) && stream_has_news(&stream),
	   "%s: what was put back is", kind);
	ok(await_readable(&stream, after(0)) && reads("two"),
	   "%s: and can be read, though nothing has come", kind);
	ok(!stream_has_news(&stream), "%s: once", kind);
	ok(stream_read(&stream, &data) == -1 && errno == EAGAIN, "%s: then there is no more", kind);

	stream_put_back(&stream, "three", 5);
	say("four");
	await_sleep(&loop, after(10));
	ok(reads("three") && stream_has_news(&stream) && reads("four"),
	   "%s: what has come meanwhile is next", kind);
	close(peer);
	stream_put_back(&stream, "rest", 4);
	await_sleep(&loop, after(10));
	ok(reads("rest"), "%s: an end does not take what was put back", kind);
	is_int(stream_read(&stream, &data), 0, "%s: and comes after it", kind);
	stream_close(&stream);
}

static void test_gone(void)
{
	char *data;

	open_stream();
	ok(!stream_peer_is_gone(&stream), "%s: the peer is there", kind);
	say("bytes");
	await_readable(&stream, after(5000));
	ok(!stream_peer_is_gone(&stream), "%s: and speaks", kind);
	shutdown(peer, SHUT_WR);
	ok(stream_peer_is_gone(&stream), "%s: it ends, and is known to be gone", kind);
	ok(!stream_is_reset(&stream), "%s: in good order", kind);
	ok(reads("bytes"), "%s: before its last bytes are read", kind);
	stream_expect_more(&stream);
	ok(await_readable(&stream, after(0)) && stream_read(&stream, &data) == 0,
	   "%s: then it is an end", kind);
	close_stream();
}

static void test_reset_behind_bytes(void)
{
	struct linger at_once = {1, 0};
	char *data;

	open_stream();
	say("bytes");
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(peer);
	await_readable(&stream, after(5000));
	ok(stream_is_reset(&stream), "%s: a reset is known", kind);
	ok(stream_peer_is_gone(&stream), "%s: it comes with the last bytes", kind);
	ssize_t got = stream_read(&stream, &data);
	ok(got == 5 || (got == -1 && errno == ECONNRESET), "%s: which may still be read", kind);
	stream_expect_more(&stream);
	ok(await_readable(&stream, after(0)), "%s: who expects more", kind);
	if (got > 0)
		got = stream_read(&stream, &data);
	ok(got == -1 && errno == ECONNRESET, "%s: hears of the reset", kind);
	stream_close(&stream);
}

static void reset_peer(void *arg)
{
	struct linger at_once = {1, 0};

	(void)arg;
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(peer);
}

/* With bytes unread in front of it. */
static void test_reset_is_heard_unread(void)
{
	struct stream other;
	int pair[2];

	open_stream();
	make_pair(pair);
	stream_init(&other, &loop, pair[0], spoke);
	other.readable = false;
	say("bytes");
	await_readable(&stream, after(5000));
	ok(!stream_is_reset(&stream), "%s: nothing is wrong yet", kind);
	coroutine_start(&loop, reset_peer, NULL);
	while (!stream_is_reset(&stream) && await_either(&stream, false, &other, true, after(5000)))
		;
	ok(stream_is_reset(&stream), "%s: who does not read hears of a reset, too", kind);
	stream_close(&stream);
	stream_close(&other);
	close(pair[1]);
}

/* Who waits for the rest of something expects it. */
static void test_reset_is_awaited(void)
{
	struct linger at_once = {1, 0};
	char *data;

	open_stream();
	ok(stream_read(&stream, &data) == -1 && errno == EAGAIN, "%s: nothing has come yet", kind);
	say("bytes");
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(peer);
	await_readable(&stream, after(5000));
	ssize_t got = stream_read(&stream, &data);
	if (got > 0 && await_readable(&stream, after(5000)))
		got = stream_read(&stream, &data);
	ok(got == -1 && errno == ECONNRESET, "%s: who waits behind the last bytes hears of the reset", kind);
	stream_close(&stream);

	open_stream();
	say("bytes");
	await_readable(&stream, after(5000));
	ok(reads("bytes") && await_readable(&stream, after(5000)), "%s: without one the socket is asked", kind);
	ok(stream_read(&stream, &data) == -1 && errno == EAGAIN && !await_readable(&stream, after(10)),
	   "%s: once", kind);
	close_stream();
}

static void test_both(void)
{
	test_put_back();
	test_gone();
}

int main(void)
{
	with_both_kinds(test_both);
	in_loop(test_reset_behind_bytes);
	in_loop(test_reset_is_heard_unread);
	in_loop(test_reset_is_awaited);
	return done();
}
