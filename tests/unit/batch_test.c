/* Batches: what is read ahead and what is posted in a turn of the loop, and what becomes of it when its
 * reader does not come, or its peer does not read. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/runtime/batch.h"
#include "tests/unit/streamed.h"

/* --- reading ahead ------------------------------------------------------------------------ */

static void open_eager(void)
{
	open_stream();
	stream.is_eager = true;
	spoke_count = 0;
}

static bool awaits_spoke(void)
{
	int64_t begin = loop_now();

	while (spoke_count == 0 && is_soon(begin))
		await_sleep(&loop, after(1));
	return spoke_count == 1;
}

static void test_ahead(void)
{
	char *data;

	open_eager();
	say("hello");
	ok(awaits_spoke() && stream_is_ahead(&stream) && !stream.readable,
	   "%s: of an eager stream is read before it speaks", kind);
	is_int(stream_held_bytes(&stream), 5, "%s: what nobody takes in the turn it keeps", kind);
	ok(stream_has_news(&stream) && reads("hello"), "%s: for who comes later", kind);
	ok(stream_held_bytes(&stream) == 0 && stream_read(&stream, &data) == -1 && errno == EAGAIN,
	   "%s: once", kind);

	stream_keep(&stream, "first,", 6);
	spoke_count = 0;
	say("second,");
	ok(awaits_spoke(), "%s: it speaks again", kind);
	say("third");
	is_int(stream_read_some(&stream, &data, 3), 9, "%s: a reader may take a part", kind);
	ok(memcmp(data, "first,sec", 9) == 0, "%s: which comes behind what was kept", kind);
	ok(reads("ond,"), "%s: and then the rest", kind);
	ok(await_readable(&stream, after(5000)) && reads("third"),
	   "%s: before what has come meanwhile", kind);
	close_stream();
}

static void test_not_ahead(void)
{
	open_stream();
	spoke_count = 0;
	say("hello");
	ok(awaits_spoke() && !stream_is_ahead(&stream) && stream.readable,
	   "%s: of a stream that is not eager nothing is read", kind);
	reads("hello");

	stream.is_eager = true;
	loop.batch.reads_ahead = false;
	spoke_count = 0;
	say("again");
	ok(awaits_spoke() && !stream_is_ahead(&stream), "%s: nor where the loop's owner forbids it",
	   kind);
	loop.batch.reads_ahead = true;
	ok(reads("again"), "%s: which can be read all the same", kind);
	close_stream();
}

static void test_much_ahead(void)
{
	static char block[10000];
	char *data;

	open_eager();
	memset(block, 'b', sizeof block);
	if (write(peer, block, sizeof block) != (ssize_t)sizeof block)
		abort();
	ok(awaits_spoke() && stream.ahead.length == FETCHED_AT_ONCE && stream.readable,
	   "%s: only so much is read ahead", kind);
	is_int(stream_read(&stream, &data), (int)FETCHED_AT_ONCE, "%s: and taken first", kind);
	is_int(stream_read(&stream, &data), (int)(sizeof block - FETCHED_AT_ONCE),
	       "%s: before the rest", kind);
	spoke_count = 0;
	say("little");
	ok(awaits_spoke() && !stream_is_ahead(&stream),
	   "%s: who has said much is expected to say much again", kind);
	ok(reads("little"), "%s: until it does not", kind);
	spoke_count = 0;
	say("little");
	ok(awaits_spoke() && stream_is_ahead(&stream), "%s: then it is read ahead once more", kind);
	close_stream();
}

/* More than there are places for: the last ones stay where they are. */
static void test_many_ahead(void)
{
	enum { MANY = BATCH_STREAMS + 20 };
	static struct stream many[MANY];
	static int peers[MANY];
	int ahead = 0;
	int good = 0;
	char *data;

	for (int i = 0; i < MANY; i++) {
		open_stream();
		stream_unwatch(&stream);
		stream_init(&many[i], &loop, stream.fd, spoke);
		peers[i] = peer;
		say("x");
		batch_fetch(&many[i]);
	}
	for (int i = 0; i < MANY; i++) {
		ahead += stream_is_ahead(&many[i]);
		good += stream_read(&many[i], &data) == 1 && *data == 'x';
		stream_close(&many[i]);
		close(peers[i]);
	}
	is_int(ahead, BATCH_STREAMS, "%s: of many that speak at once some are read ahead", kind);
	is_int(good, MANY, "%s: and all are read", kind);
	await_turn(&loop);
}

static void test_end_ahead(void)
{
	struct linger at_once = {1, 0};
	char *data;

	open_eager();
	say("last words");
	ok(awaits_spoke(), "%s: last words are read ahead", kind);
	spoke_count = 0;
	shutdown(peer, SHUT_WR);
	ok(awaits_spoke() && reads("last words"), "%s: they come before the end", kind);
	is_int(stream_read(&stream, &data), 0, "%s: which is an end", kind);
	close_stream();

	open_eager();
	if (strcmp(kind, "tcp") == 0)
		setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	else
		stream_send(&stream, "x", 1);
	close(peer);
	ok(awaits_spoke() && stream_read(&stream, &data) == -1 && errno == ECONNRESET,
	   "%s: a reset that was seen ahead is told to the reader", kind);
	stream_close(&stream);
}

static void close_it(struct stream *which)
{
	spoke_count++;
	stream_close(which);
}

static size_t moved_with;

static void move_it(struct stream *which)
{
	spoke_count++;
	stream_move(which, &loop);
	moved_with = stream_held_bytes(which);
}

static void test_moved_and_closed(void)
{
	open_eager();
	stream.spoke = close_it;
	say("unread");
	ok(awaits_spoke() && stream.fd == -1 && stream_held_bytes(&stream) == 0,
	   "%s: with what was read ahead a stream may be closed", kind);
	close(peer);

	open_eager();
	stream.spoke = move_it;
	say("unread");
	ok(awaits_spoke() && moved_with == 6 && reads("unread"),
	   "%s: and moved, together with it", kind);
	close_stream();
}

static struct coroutine *waiter;

/* --- posting ------------------------------------------------------------------------------ */

static char got[FLOOD];

static ssize_t peer_has(int flags)
{
	return recv(peer, got, sizeof got, flags);
}

static void test_posts(void)
{
	open_stream();
	ok(stream_post(&stream, "one,", 4) && stream_post(&stream, "two", 3) &&
		   peer_has(MSG_DONTWAIT) == -1,
	   "%s: what is posted does not go out at once", kind);
	await_turn(&loop);
	ok(peer_has(0) == 7 && memcmp(got, "one,two", 7) == 0 && !stream_has_unsent(&stream) &&
		   stream.posted_count == 0,
	   "%s: but at the end of the turn, in one piece", kind);

	stream_post(&stream, "one,", 4);
	ok(stream_send(&stream, "two", 3) && peer_has(0) > 0 && memcmp(got, "one,", 4) == 0,
	   "%s: nothing that is sent at once overtakes it", kind);
	await_turn(&loop);
	peer_has(MSG_DONTWAIT);

	stream_post(&stream, "one,", 4);
	ok(stream_hold(&stream, "two,", 4) && stream_post(&stream, "three", 5),
	   "%s: nor what is held", kind);
	await_sent(&stream, after(5000));
	size_t length = 0;
	while (length < 13)
		length += (size_t)recv(peer, got + length, sizeof got - length, 0);
	ok(memcmp(got, "one,two,three", 13) == 0, "%s: nor what comes behind that", kind);

	stream_post(&stream, "last", 4);
	stream_end_sending(&stream);
	ok(peer_has(0) == 4 && peer_has(0) == 0, "%s: it goes out before the end", kind);
	close_stream();

	open_stream();
	stream_post(&stream, "last", 4);
	stream_close(&stream);
	ok(peer_has(0) == 4 && peer_has(0) == 0, "%s: and before the socket is closed", kind);
	await_turn(&loop);
	close(peer);
}

static struct stream other;
static int other_peer;

static void open_two(void)
{
	open_stream();
	stream_unwatch(&stream);
	stream_init(&other, &loop, stream.fd, spoke);
	other_peer = peer;
	open_stream();
}

static void close_two(void)
{
	stream_close(&other);
	close(other_peer);
	close_stream();
}

static void test_large_and_small(void)
{
	char *flood = make_flood();

	open_two();
	stream_post(&other, "small", 5);
	ok(stream_post(&stream, flood, 100000) && recv(other_peer, got, 5, MSG_DONTWAIT) == 5,
	   "%s: what is large goes out at once, behind what is small", kind);
	close_two();
	free(flood);
}

static void test_many_posts(void)
{
	size_t length = 0;
	char *flood = make_flood();

	open_two();
	/* First more pieces than there are places for, then more bytes. */
	for (int i = 0; i < 3 * BATCH_STREAMS; i++) {
		stream_post(&stream, flood + i, 1);
		stream_post(&other, "o", 1);
	}
	for (size_t at = 3 * BATCH_STREAMS; at < 100000; at += 1000)
		stream_post(&stream, flood + at, at + 1000 < 100000 ? 1000 : 100000 - at);
	await_turn(&loop);
	while (length < 100000) {
		ssize_t n = recv(peer, got + length, sizeof got - length, 0);
		if (n <= 0)
			break;
		length += (size_t)n;
		await_sent(&stream, after(0));
	}
	ok(length == 100000 && memcmp(got, flood, length) == 0,
	   "%s: however much is posted, it arrives in its order", kind);
	close_two();
	free(flood);
}

static bool is_on_its_way(int fd)
{
	struct tcp_info info;
	socklen_t size = sizeof info;

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_unacked > 0;
}

/* What TCP still has to acknowledge would make room once more. Returns how much of the flood has gone out. */
static size_t fill_the_peer(const char *flood)
{
	size_t filled = 0;

	while (true) {
		bool is_settled = !is_on_its_way(stream.fd);
		ssize_t n = send(stream.fd, flood + filled, 4000, MSG_DONTWAIT);
		if (n > 0)
			filled += (size_t)n;
		else if (is_settled)
			return filled;
		else
			await_sleep(&loop, after(1));
	}
}

static void test_short_posts(void)
{
	char *flood = make_flood();
	size_t length = 0;

	open_eager();
	stream_watch(&stream);
	size_t filled = fill_the_peer(flood);
	spoke_count = 0;
	stream_post(&stream, flood + filled, 4000);
	ok(!stream_has_unsent(&stream), "%s: to a peer that is full something is posted", kind);
	await_turn(&loop);
	await_turn(&loop);
	ok(stream_has_unsent(&stream) && spoke_count == 1,
	   "%s: which stays unsent, and whoever is at rest hears of it", kind);
	stream_post(&stream, flood + filled + 4000, 4000);
	await_turn(&loop);
	while (length < filled + 8000) {
		ssize_t n = recv(peer, got + length, sizeof got - length, MSG_DONTWAIT);
		if (n > 0)
			length += (size_t)n;
		else if (!await_sent(&stream, after(5000)))
			break;
	}
	ok(length == filled + 8000 && memcmp(got, flood, length) == 0,
	   "%s: all of it arrives in its order", kind);
	close_stream();
	free(flood);
}

static void test_posts_to_nobody(void)
{
	open_eager();
	close(peer);
	await_readable(&stream, after(5000));
	for (int i = 0; i < 100 && stream_flush(&stream) && stream_post(&stream, "x", 1); i++)
		await_sleep(&loop, after(1));
	bool sent = stream_flush(&stream);
	ok(!sent && (errno == EPIPE || errno == ECONNRESET),
	   "%s: who posts to one that has gone is told by the next try", kind);
	stream_close(&stream);

	open_stream();
	stream_post(&stream, "x", 1);
	close(peer);
	await_turn(&loop);
	stream_post(&stream, "y", 1);
	ok(await_either(&stream, false, &stream, false, after(3000)) && !stream_flush(&stream),
	   "%s: who waits is woken to learn it", kind);
	stream_close(&stream);
}

/* The socket would tell of it only once. */
static void test_posts_after_a_reset(void)
{
	struct linger at_once = {1, 0};
	int expected = strcmp(kind, "tcp") == 0 ? ECONNRESET : EPIPE;

	open_stream();
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(peer);
	stream_post(&stream, "x", 1);
	await_turn(&loop);
	ok(!stream_flush(&stream) && errno == expected, "%s: the next try is told why", kind);
	ok(!stream_send(&stream, "y", 1) && errno == expected, "%s: and so is the one after it", kind);
	stream_close(&stream);
}

static void wake(struct loop_message *unused)
{
	(void)unused;
	coroutine_wake(waiter);
}

static void post_when_woken(void *arg)
{
	(void)arg;
	waiter = coroutine_current(&loop);
	await_wake(&loop, after(3000));
	stream_post(&stream, "x", 1);
}

static void test_posts_before_those_that_gave_way(void)
{
	struct loop_message message = {.deliver = wake};

	open_stream();
	start(post_when_woken, NULL);
	await_turn(&loop);
	loop_post(&loop, &message);
	await_turn(&loop);
	is_int((int)peer_has(MSG_DONTWAIT), 1, "%s: what is posted does not wait for those that gave way",
	       kind);
	close_stream();
}

/* --- a wait that has ended, and does not know it yet ---------------------------------------- */

static int failure;

static void wait_in_vain(void *arg)
{
	(void)arg;
	waiter = coroutine_current(&loop);
	failure = await_either(&stream, false, &stream, false, after(3000)) ? 0 : errno;
	waiter = NULL;
}

static void interrupt(struct loop_message *unused)
{
	(void)unused;
	coroutine_interrupt(waiter);
}

/* Both come in one turn: bytes that it does not wait for, and then the news. */
static void test_news_in_the_turn_of_a_wake(void)
{
	struct loop_message message = {.deliver = interrupt};
	char *data;

	open_stream();
	stream_read(&stream, &data);
	start(wait_in_vain, NULL);
	await_turn(&loop);
	say("unasked");
	loop_post(&loop, &message);
	while (waiter != NULL)
		await_sleep(&loop, after(1));
	is_int(failure, EINTR, "%s: who is woken in vain is interrupted all the same", kind);
	close_stream();
}

static void test_all(void)
{
	test_news_in_the_turn_of_a_wake();
	test_ahead();
	test_not_ahead();
	test_much_ahead();
	test_many_ahead();
	test_end_ahead();
	test_moved_and_closed();
	test_posts();
	test_large_and_small();
	test_many_posts();
	test_short_posts();
	test_posts_to_nobody();
	test_posts_after_a_reset();
	test_posts_before_those_that_gave_way();
}

int main(void)
{
	with_both_kinds(test_all);
	return done();
}
