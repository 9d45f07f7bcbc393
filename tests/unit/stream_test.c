/* Streams: short reads and sends, what is kept and unsent, ends behind bytes, and both directions. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/streamed.h"

static bool has_nothing(void)
{
	char *data;
	return stream_read(&stream, &data) == -1 && errno == EAGAIN;
}

/* --- reading ------------------------------------------------------------------------------ */

static void test_short_reads(void)
{
	open_stream();
	ok(has_nothing(), "%s: nothing has come", kind);
	bool readable = await_readable(&stream, after(30));
	ok(!readable && errno == ETIMEDOUT, "%s: and nothing comes", kind);
	say("hello");
	ok(await_readable(&stream, after(5000)) && reads("hello"), "%s: bytes arrive", kind);
	ok(!stream.readable && has_nothing(), "%s: a short read says that there are no more", kind);
	say("again");
	ok(await_readable(&stream, after(5000)) && reads("again"), "%s: until more come", kind);
	is_int(stream_held_bytes(&stream), 0, "%s: a stream at rest holds no buffer", kind);
	close_stream();
}

static void test_kept_bytes(void)
{
	char *data;

	open_stream();
	say("first,sec");
	await_readable(&stream, after(5000));
	stream_read(&stream, &data);
	stream_keep(&stream, data + 6, 3);
	ok(stream_held_bytes(&stream) >= 3, "%s: what was kept is held", kind);
	ok(has_nothing() && stream_held_bytes(&stream) >= 3, "%s: and stays when nothing new comes",
	   kind);
	say("ond,thi");
	await_readable(&stream, after(5000));
	ok(reads("second,thi"), "%s: it stands in front of what comes next", kind);

	stream_keep(&stream, "third", 5);
	is_int(stream_reread(&stream, &data), 5, "%s: it can be had alone", kind);
	ok(memcmp(data, "third", 5) == 0, "%s: as it was", kind);
	is_int(stream_reread(&stream, &data), 0, "%s: once", kind);
	is_int(stream_held_bytes(&stream), 0, "%s: and then nothing is held", kind);
	stream_keep(&stream, "", 0);
	is_int(stream_held_bytes(&stream), 0, "%s: keeping nothing takes no memory", kind);

	stream_keep(&stream, "rest", 4);
	close(peer);
	await_readable(&stream, after(5000));
	is_int(stream_read(&stream, &data), 0, "%s: an end drops what was kept", kind);
	is_int(stream_held_bytes(&stream), 0, "%s: all of it", kind);
	stream_close(&stream);
}

static void test_end_behind_bytes(bool watched_before)
{
	const char *when = watched_before ? "after" : "before";
	int64_t begin = loop_now();
	char *data;

	open_stream();
	if (!watched_before)
		stream_unwatch(&stream);
	say("last words");
	shutdown(peer, SHUT_WR);
	await_sleep(&loop, after(10)); /* both are there when the first is read */
	await_readable(&stream, after(5000));
	ok(reads("last words"), "%s: bytes and end come at once, %s watching", kind, when);
	ok(await_readable(&stream, after(5000)) && is_soon(begin),
	   "%s: the end gives no edge of its own, and is noticed", kind);
	is_int(stream_read(&stream, &data), 0, "%s: as an end", kind);
	is_int(stream_read(&stream, &data), 0, "%s: which stays", kind);
	close_stream();
}

static void test_end_between(void)
{
	int64_t begin = loop_now();
	char *data;

	open_stream();
	say("last words");
	await_readable(&stream, after(5000));
	shutdown(peer, SHUT_WR); /* after the edge for the bytes, before they are read */
	ok(reads("last words"), "%s: the end comes after the edge of the bytes", kind);
	ok(await_readable(&stream, after(5000)) && is_soon(begin), "%s: and is noticed", kind);
	is_int(stream_read(&stream, &data), 0, "%s: as an end", kind);
	close_stream();
}

static void test_reset(void)
{
	struct linger at_once = {1, 0};
	char *data;

	open_stream();
	if (strcmp(kind, "tcp") == 0)
		setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	else
		ok(stream_send(&stream, "x", 1), "unread bytes turn a close into a reset");
	close(peer);
	await_readable(&stream, after(5000));
	ok(stream_read(&stream, &data) == -1 && errno == ECONNRESET, "%s: a reset is an error",
	   kind);
	ok(await_readable(&stream, after(100)), "%s: and what comes after it can be read", kind);
	is_int(stream_read(&stream, &data), 0, "%s: as an end", kind);
	stream_close(&stream);
}

static void test_more_than_the_scratch(void)
{
	static char block[100000];
	char *data;
	size_t held = 0;

	open_stream();
	memset(block, 'b', sizeof block);
	while (held < SCRATCH_BYTES) {
		if (send(peer, block, sizeof block, MSG_DONTWAIT) < 0 && errno != EAGAIN)
			abort();
		await_readable(&stream, after(5000));
		ssize_t got = stream_read(&stream, &data);
		if (got <= 0)
			break;
		held = (size_t)got;
		stream_keep(&stream, data, held);
	}
	is_int(held, SCRATCH_BYTES, "%s: a read is never longer than the scratch", kind);
	stream.readable = true;
	ok(stream_read(&stream, &data) == -1 && errno == EMSGSIZE,
	   "%s: nothing can be read behind as much as that", kind);
	ok(stream_reread(&stream, &data) == SCRATCH_BYTES && data[SCRATCH_BYTES - 1] == 'b',
	   "%s: nor is anything lost", kind);
	ok(stream.readable, "%s: the stream stays readable", kind);
	size_t rest = 0;
	for (ssize_t got; (got = stream_read(&stream, &data)) > 0;)
		rest += (size_t)got;
	ok(rest > 0 && !stream.readable, "%s: until the rest is read", kind);
	close_stream();
}

/* --- nobody waits ------------------------------------------------------------------------- */

static int freed;

static void close_itself(struct stream *which)
{
	stream_close(which);
	free(which);
	freed++;
}

static void test_spoke(void)
{
	open_stream();
	spoke_count = 0;
	say("x");
	await_sleep(&loop, after(20));
	is_int(spoke_count, 1, "%s: a stream that nobody waits for speaks", kind);
	say("y");
	await_sleep(&loop, after(20));
	reads("xy");
	say("z");
	spoke_count = 0;
	await_readable(&stream, after(5000));
	is_int(spoke_count, 0, "%s: one that is waited for does not", kind);

	stream_unwatch(&stream);
	reads("z");
	say("unheard");
	await_sleep(&loop, after(20));
	is_int(spoke_count, 0, "%s: nor one that is not watched", kind);
	stream_watch(&stream);
	ok(await_readable(&stream, after(5000)) && reads("unheard"),
	   "%s: what came meanwhile is there", kind);
	close_stream();
}

static void test_freed_when_it_spoke(void)
{
	int pair[2];
	struct stream *own = malloc(sizeof *own);

	make_pair(pair);
	stream_init(own, &loop, pair[0], close_itself);
	stream_watch(own);
	stream_keep(own, "kept", 4);
	freed = 0;
	close(pair[1]);
	await_sleep(&loop, after(20));
	is_int(freed, 1, "%s: a stream may be freed when it speaks", kind);
}

/* --- sending ------------------------------------------------------------------------------ */

static size_t drained;
static bool drained_well;

static bool take_some(int flags)
{
	static char buffer[50000];
	ssize_t got = recv(peer, buffer, sizeof buffer, flags);
	for (ssize_t i = 0; i < got; i++)
		drained_well = buffer[i] == flood_byte(drained++) && drained_well;
	return got > 0;
}

static void *drain(void *arg)
{
	(void)arg;
	usleep(30000);
	while (take_some(0))
		;
	return NULL;
}

static void test_short_sends(void)
{
	char *flood = make_flood();
	pthread_t thread;

	open_stream();
	ok(stream_send(&stream, flood, 1000) && !stream_has_unsent(&stream),
	   "%s: a little is sent at once", kind);
	stream_send(&stream, flood + 1000, FLOOD / 2 - 1000);
	ok(stream_has_unsent(&stream), "%s: of much a part is left", kind);
	stream_send(&stream, flood + FLOOD / 2, FLOOD / 2 - 1000);
	bool sent = await_sent(&stream, after(30));
	ok(!sent && errno == ETIMEDOUT && stream_has_unsent(&stream),
	   "%s: which stays when the peer does not read", kind);

	drained = 0;
	drained_well = true;
	while (take_some(MSG_DONTWAIT))
		;
	await_sleep(&loop, after(20));
	ok(!stream.blocked && stream_send(&stream, flood + FLOOD - 1000, 1000),
	   "%s: more can be sent, but not past it", kind);
	pthread_create(&thread, NULL, drain, NULL);
	ok(await_sent(&stream, after(20000)), "%s: and goes out when it does", kind);
	stream_rest(&stream);
	ok(!stream_has_unsent(&stream) && stream_held_bytes(&stream) == 0,
	   "%s: then nothing is held", kind);
	ok(await_sent(&stream, after(0)), "%s: and nothing is to be waited for", kind);
	shutdown(stream.fd, SHUT_WR);
	pthread_join(thread, NULL);
	ok(drained == FLOOD && drained_well, "%s: all of it arrives in its order", kind);
	close_stream();
	free(flood);
}

static void *drain_and_answer(void *arg)
{
	(void)arg;
	while (drained < FLOOD && take_some(0))
		;
	if (drained == FLOOD)
		say("thanks");
	return NULL;
}

static void test_answer_to_a_flood(void)
{
	char *flood = make_flood();
	pthread_t thread;

	open_stream();
	drained = 0;
	stream_send(&stream, flood, FLOOD);
	ok(stream_has_unsent(&stream) && has_nothing(), "%s: of a long question a part is left", kind);
	pthread_create(&thread, NULL, drain_and_answer, NULL);
	bool readable = await_readable(&stream, after(5000));
	shutdown(stream.fd, SHUT_WR);
	pthread_join(thread, NULL);
	ok(readable && reads("thanks"), "%s: it goes out while the answer is awaited", kind);
	close_stream();

	open_stream();
	stream_send(&stream, flood, FLOOD);
	close(peer);
	char *data;
	while (await_readable(&stream, after(5000)) && stream_read(&stream, &data) > 0)
		;
	ok(errno != ETIMEDOUT, "%s: and an end is noticed with it unsent", kind);
	stream_close(&stream);
	free(flood);
}

static void test_holding(void)
{
	char got[16];

	open_stream();
	ok(stream_hold(&stream, "first,", 6) && stream_hold(&stream, "second,", 7),
	   "%s: what is to be sent can be held", kind);
	ok(recv(peer, got, sizeof got, MSG_DONTWAIT) == -1, "%s: and does not go out", kind);
	ok(stream_send(&stream, "thi", 3) && recv(peer, got, sizeof got, 0) == 16 &&
		   memcmp(got, "first,second,thi", 16) == 0 && !stream_has_unsent(&stream),
	   "%s: before more is sent", kind);
	close_stream();
}

static void test_sends_to_nobody(void)
{
	char *flood = make_flood();
	int fd;

	open_stream();
	close(peer);
	await_readable(&stream, after(5000));
	bool sent = true;
	for (int i = 0; i < 100 && sent; i++) {
		await_sleep(&loop, after(1));
		sent = stream_send(&stream, "x", 1);
	}
	ok(!sent && (errno == EPIPE || errno == ECONNRESET),
	   "%s: sending to one who has gone is an error and no signal", kind);
	stream_close(&stream);

	open_stream();
	stream_send(&stream, flood, FLOOD);
	fd = stream.fd;
	stream_release(&stream);
	ok(stream_held_bytes(&stream) == 0 && stream.fd == -1 && fcntl(fd, F_GETFD) != -1,
	   "%s: a stream with unsent bytes is released, and its socket left open", kind);
	stream_release(&stream);
	stream_close(&stream);
	ok(fcntl(fd, F_GETFD) != -1, "%s: even if that is done again", kind);
	close(fd);
	close(peer);
	free(flood);
}

/* --- both directions ---------------------------------------------------------------------- */

static struct stream a, b;
static int a_peer, b_peer;

static void open_two(void)
{
	open_stream();
	stream_unwatch(&stream);
	stream_init(&a, &loop, stream.fd, spoke);
	a_peer = peer;
	open_stream();
	stream_unwatch(&stream);
	stream_init(&b, &loop, stream.fd, spoke);
	b_peer = peer;
	a.readable = b.readable = false;
}

static void test_either(void)
{
	char *flood = make_flood();
	char *data;

	open_two();
	bool moved = await_either(&a, true, &b, true, after(30));
	ok(!moved && errno == ETIMEDOUT, "%s: neither moves", kind);
	peer = a_peer;
	say("a");
	ok(await_either(&a, true, &b, true, after(5000)) && stream_has_news(&a) && !stream_has_news(&b),
	   "%s: the one is readable", kind);
	ok(!await_either(&a, false, &b, true, after(30)), "%s: which is not asked for", kind);
	stream_read(&a, &data);
	peer = b_peer;
	say("b");
	ok(await_either(&a, true, &b, true, after(5000)) && !stream_has_news(&a) && stream_has_news(&b),
	   "%s: the other is readable", kind);
	stream_read(&b, &data);

	stream_send(&b, flood, FLOOD);
	ok(!await_either(&a, true, &b, false, after(30)), "%s: the other's peer is full", kind);
	while (recv(b_peer, flood, FLOOD, MSG_DONTWAIT) > 0)
		;
	ok(await_either(&a, true, &b, false, after(5000)) && !b.blocked,
	   "%s: until it has read some", kind);
	stream_close(&a);
	stream_close(&b);
	close(a_peer);
	close(b_peer);
	free(flood);
}

/* Sends and receives a flood at once, as a peer that pipelines. */
static void *flood_both_ways(void *arg)
{
	int fd = *(int *)arg;
	char *flood = make_flood();
	static _Thread_local char buffer[40000];
	size_t sent = 0, received = 0;
	bool well = true;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (sent < FLOOD || received < FLOOD) {
		struct pollfd poller = {fd, (short)(POLLIN | (sent < FLOOD ? POLLOUT : 0)), 0};
		if (poll(&poller, 1, 10000) != 1)
			break;
		ssize_t got = recv(fd, buffer, sizeof buffer, 0);
		for (ssize_t i = 0; i < got; i++)
			well = buffer[i] == flood_byte(received++) && well;
		ssize_t put = sent < FLOOD ? send(fd, flood + sent, FLOOD - sent, MSG_NOSIGNAL) : 0;
		sent += put > 0 ? (size_t)put : 0;
		if (got == 0 || (got < 0 && errno != EAGAIN && put < 0))
			break;
	}
	shutdown(fd, SHUT_WR);
	free(flood);
	return (void *)(uintptr_t)(sent == FLOOD && received == FLOOD && well);
}

/* One direction of a relay; false at the end. */
static bool pump(struct stream *from, struct stream *to)
{
	char *data;
	if (!stream_flush(to))
		return false;
	if (stream_has_unsent(to) || !from->readable)
		return true;
	ssize_t got = stream_read(from, &data);
	if (got < 0)
		return errno == EAGAIN;
	return got > 0 && stream_send(to, data, (size_t)got);
}

static void test_floods_from_both_sides(void)
{
	pthread_t threads[2];
	void *results[2];

	open_two();
	pthread_create(&threads[0], NULL, flood_both_ways, &a_peer);
	pthread_create(&threads[1], NULL, flood_both_ways, &b_peer);
	bool goes_on = true;
	while (goes_on) {
		bool forth = pump(&a, &b), back = pump(&b, &a);
		goes_on = forth && back &&
			  await_either(&a, !stream_has_unsent(&b), &b, !stream_has_unsent(&a),
				       after(10000));
	}
	shutdown(a.fd, SHUT_WR);
	shutdown(b.fd, SHUT_WR);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], &results[i]);
	ok(results[0] && results[1],
	   "%s: two peers flood each other through a relay, and all arrives", kind);
	stream_close(&a);
	stream_close(&b);
	close(a_peer);
	close(b_peer);
}

/* --- ends --------------------------------------------------------------------------------- */

static void shut_peer(void *arg)
{
	(void)arg;
	await_sleep(&loop, after(20));
	say("last words");
	shutdown(peer, SHUT_WR);
}

static void test_end_of_stream(void)
{
	int64_t limit = after(5000);

	open_stream();
	say("words");
	await_end_of_stream(&stream, after(30));
	ok(errno == ETIMEDOUT && has_nothing(), "%s: what comes before an end is dropped", kind);
	coroutine_start(&loop, shut_peer, NULL);
	await_end_of_stream(&stream, limit);
	ok(stream_peer_is_gone(&stream) && loop_now() < limit, "%s: the end is waited for", kind);
	/* Whatever failed before it has nothing to say of it. */
	errno = EAGAIN;
	await_end_of_stream(&stream, limit);
	ok(loop_now() < limit, "%s: and known when it is there already", kind);
	close_stream();
}

/* More than one read takes. */
static void test_end_of_a_flood(void)
{
	int left = 0;
	int room = (int)SCRATCH_BYTES * 4;
	char *flood = make_flood();

	open_stream();
	setsockopt(stream.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	fcntl(peer, F_SETFL, O_NONBLOCK);
	while (write(peer, flood, FLOOD) > 0)
		;
	await_end_of_stream(&stream, loop_now());
	ioctl(stream.fd, FIONREAD, &left);
	ok(left > 0,
	   "%s: a flood is not read beyond the time for it: %d bytes are left", kind, left);
	free(flood);
	close_stream();
}

static void note_time(void *arg)
{
	*(int64_t *)arg = loop_now();
}

static void test_end_with_unsent(void)
{
	int64_t begin = loop_now();
	int64_t others_ran_at = 0;

	open_stream();
	stream_hold(&stream, "never sent", 10);
	stream_end_sending(&stream);
	start(note_time, &others_ran_at);
	await_end_of_stream(&stream, after(200));
	ok(others_ran_at > 0 && others_ran_at < begin + 200 * MS && loop_now() >= begin + 200 * MS,
	   "%s: who waits for an end with something unsent lets others run", kind);
	close_stream();
}

static void test_all(void)
{
	test_short_reads();
	test_kept_bytes();
	test_end_behind_bytes(true);
	test_end_behind_bytes(false);
	test_end_between();
	test_end_of_stream();
	test_end_of_a_flood();
	test_end_with_unsent();
	test_reset();
	test_more_than_the_scratch();
	test_spoke();
	test_freed_when_it_spoke();
	test_short_sends();
	test_answer_to_a_flood();
	test_holding();
	test_sends_to_nobody();
	test_either();
	test_floods_from_both_sides();
}

int main(void)
{
	with_both_kinds(test_all);
	return done();
}
