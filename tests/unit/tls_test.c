/* TLS under a stream: handshakes and their failures, what travels with them, floods, and ends. */
#include "daemon/runtime/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "daemon/runtime/stream.h"
#include "daemon/runtime/tls_memory.h"
#include "tests/unit/in_loop.h"
#include "tests/unit/sockets.h"
#include "tests/unit/tap.h"
#include "tests/unit/tls_peer.h"

static SSL_CTX *server_context;
static SSL_CTX *client_context;
static struct stream stream;
static struct tls_peer peer;
static pthread_t thread;

static void open_stream(void)
{
	int pair[2];
	make_pair(pair);
	stream_init(&stream, &loop, pair[0], stream_ignore);
	peer_init(&peer, client_context, pair[1]);
}

static void close_stream(void)
{
	stream_close(&stream);
	close(peer.fd);
	peer_release(&peer);
}

static void peer_does(void *(*what)(void *arg))
{
	if (pthread_create(&thread, NULL, what, NULL) != 0)
		abort();
}

static bool accepts(void)
{
	return await_tls_accept(&stream, server_context, NULL, 0, after(20000));
}

static bool reads(const char *text)
{
	char *data;
	ssize_t length;
	do {
		if (!await_readable(&stream, after(20000)))
			return false;
		length = stream_read(&stream, &data);
	} while (length < 0 && errno == EAGAIN);
	return length == (ssize_t)strlen(text) && memcmp(data, text, strlen(text)) == 0;
}

/* 0 for the end, -1 for an error, when all that came before has been read. */
static ssize_t reads_end(void)
{
	char *data;
	ssize_t length;
	do {
		if (!await_readable(&stream, after(20000)))
			return -2;
		length = stream_read(&stream, &data);
	} while (length > 0 || (length < 0 && errno == EAGAIN));
	return length;
}

/* --- handshakes --------------------------------------------------------------------------- */

static void *shakes_hands_and_echoes(void *arg)
{
	char word[64];

	(void)arg;
	if (!peer_shake_hands(&peer))
		return NULL;
	peer_flush(&peer);
	int n = peer_get(&peer, word, sizeof word);
	peer_put(&peer, word, (size_t)n);
	peer_flush(&peer);
	return NULL;
}

static void test_handshake(void)
{
	char text[128];
	char *data;

	open_stream();
	tls_describe(&stream, text, sizeof text);
	is_text(text, "", "%s: a stream in the clear has no description", kind);
	peer_does(shakes_hands_and_echoes);
	ok(accepts(), "%s: the handshake succeeds", kind);
	tls_describe(&stream, text, sizeof text);
	is_text(text, "TLSv1.3/TLS_AES_256_GCM_SHA384", "%s: and has a description",
		kind);
	ok(stream_send(&stream, "echo", 4) && reads("echo"), "%s: bytes travel both ways", kind);
	ok(stream_read(&stream, &data) == -1 && errno == EAGAIN, "%s: and no more", kind);
	is_int(stream_held_bytes(&stream), 0, "%s: at rest no buffer is held", kind);
	pthread_join(thread, NULL);
	close_stream();
}

static void *speaks_at_once(void *arg)
{
	(void)arg;
	if (!peer_shake_hands(&peer))
		return NULL;
	peer_put(&peer, "first words", 11);
	peer_put(&peer, ", and second", 12);
	peer_flush(&peer);
	return NULL;
}

static void test_words_behind_the_handshake(void)
{
	open_stream();
	peer_does(speaks_at_once);
	ok(accepts(), "%s: a handshake in one packet with more", kind);
	ok(reads("first words, and second"), "%s: the rest is read, without another event", kind);
	pthread_join(thread, NULL);
	close_stream();
}

static void *reads_the_answer(void *arg)
{
	static char answer[64];
	(void)arg;
	ssize_t n = read(peer.fd, answer, sizeof answer);
	return n > 0 ? answer : NULL;
}

static void test_bad_handshakes(void)
{
	char reason[128];
	void *answer;

	open_stream();
	if (write(peer.fd, "GET / HTTP/1.0\r\n\r\n", 18) != 18)
		abort();
	peer_does(reads_the_answer);
	ok(!accepts() && errno == EPROTO, "%s: another protocol is refused", kind);
	tls_error(&stream, reason, sizeof reason);
	is_text(reason, "http request", "%s: with the reason", kind);
	stream_end_sending(&stream);
	pthread_join(thread, &answer);
	close_stream();

	open_stream();
	bool accepted = await_tls_accept(&stream, server_context, NULL, 0, after(50));
	ok(!accepted && errno == ETIMEDOUT, "%s: silence has its time", kind);
	close_stream();

	open_stream();
	shutdown(peer.fd, SHUT_WR);
	ok(!accepts() && errno == ECONNRESET, "%s: and an end is one", kind);
	close_stream();
}

/* What was read of the handshake before anyone knew that it was one. */
static void test_handshake_that_was_read(void)
{
	char *data;

	open_stream();
	peer_does(shakes_hands_and_echoes);
	ssize_t length;
	do
		await_readable(&stream, after(20000));
	while ((length = stream_read(&stream, &data)) < 0 && errno == EAGAIN);
	ok(length > 0 && data[0] == 0x16, "%s: a handshake begins with its own byte", kind);
	ok(await_tls_accept(&stream, server_context, data, (size_t)length, after(20000)),
	   "%s: and goes on from what was read", kind);
	ok(stream_send(&stream, "echo", 4) && reads("echo"), "%s: as usual", kind);
	pthread_join(thread, NULL);
	close_stream();
}

/* How much of the answer the first packet behind the handshake brings. */
static void *asks_at_once(void *arg)
{
	char word[64];

	if (!peer_shake_hands(&peer))
		return NULL;
	peer_put(&peer, "question", 8);
	peer_flush(&peer);
	int n = peer_fill(&peer) ? SSL_read(peer.ssl, word, sizeof word) : -1;
	return n == 6 && memcmp(word, "answer", 6) == 0 ? arg : NULL;
}

static void *waits_for_its_ticket(void *arg)
{
	if (!peer_shake_hands(&peer))
		return NULL;
	peer_flush(&peer);
	if (!peer_fill(&peer))
		return NULL;
	peer_put(&peer, "at last", 7);
	peer_flush(&peer);
	return arg;
}

/* Whose sockets keep packets apart. */
static void open_packet_stream(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0)
		abort();
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	stream_init(&stream, &loop, pair[0], stream_ignore);
	peer_init(&peer, client_context, pair[1]);
}

static void test_ticket(void)
{
	void *as_expected;

	open_packet_stream();
	if (pthread_create(&thread, NULL, asks_at_once, &peer) != 0)
		abort();
	ok(accepts() && reads("question") && stream_post(&stream, "answer", 6),
	   "%s: a question behind the handshake", kind);
	await_sleep(&loop, after(1));
	pthread_join(thread, &as_expected);
	ok(as_expected != NULL, "%s: is answered in one packet with the ticket", kind);
	close_stream();

	open_packet_stream();
	if (pthread_create(&thread, NULL, waits_for_its_ticket, &peer) != 0)
		abort();
	ok(accepts() && reads("at last"), "%s: and who asks nothing gets it all the same", kind);
	pthread_join(thread, NULL);
	close_stream();
}

static int other_peer;
static bool was_sent;

static int looks_at_the_other(SSL *ssl, int *alert, void *arg)
{
	char got[5];

	(void)ssl;
	(void)alert;
	(void)arg;
	was_sent = recv(other_peer, got, sizeof got, MSG_DONTWAIT) == 5;
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* To compute the keys takes long. */
static void test_what_was_posted_before(void)
{
	struct stream other;
	int pair[2];
	char *data;
	ssize_t length;

	make_pair(pair);
	stream_init(&other, &loop, pair[0], stream_ignore);
	other_peer = pair[1];
	open_stream();
	peer_does(shakes_hands_and_echoes);
	do
		await_readable(&stream, after(20000));
	while ((length = stream_read(&stream, &data)) < 0 && errno == EAGAIN);
	SSL_CTX_set_client_hello_cb(server_context, looks_at_the_other, NULL);
	ok(stream_post(&other, "small", 5) &&
		   await_tls_accept(&stream, server_context, data, (size_t)length, after(20000)) && was_sent,
	   "%s: what was posted for another does not wait for a handshake", kind);
	SSL_CTX_set_client_hello_cb(server_context, NULL, NULL);
	ok(stream_send(&stream, "echo", 4) && reads("echo"), "%s: which goes on as usual", kind);
	pthread_join(thread, NULL);
	close_stream();
	stream_close(&other);
	close(other_peer);
}

/* --- floods ------------------------------------------------------------------------------- */

static char *flood;

static void *floods(void *arg)
{
	(void)arg;
	if (!peer_shake_hands(&peer))
		return NULL;
	for (size_t sent = 0; sent < FLOOD; sent += 1 << 16) {
		peer_put(&peer, flood + sent, FLOOD - sent < 1 << 16 ? FLOOD - sent : 1 << 16);
		peer_flush(&peer);
	}
	return NULL;
}

static void test_incoming_flood(void)
{
	size_t seen = 0;
	bool same = true;
	char *data;

	open_stream();
	peer_does(floods);
	if (!accepts())
		abort();
	while (seen < FLOOD && await_readable(&stream, after(20000))) {
		ssize_t length = stream_read(&stream, &data);
		if (length == 0 || (length < 0 && errno != EAGAIN))
			break;
		for (ssize_t i = 0; i < length; i++)
			same = same && data[i] == flood[seen + (size_t)i];
		seen += length > 0 ? (size_t)length : 0;
		/* A part of it comes again, in front of what follows. */
		if (length > 7 && seen < FLOOD && stream_keep(&stream, data + length - 7, 7))
			seen -= 7;
	}
	is_int(seen, FLOOD, "%s: a flood is read to its end", kind);
	ok(same, "%s: as it was sent", kind);
	pthread_join(thread, NULL);
	close_stream();
}

static sem_t is_full; /* the other side's socket */

static void *swallows(void *arg)
{
	static char seen[FLOOD];
	size_t length = 0;

	(void)arg;
	if (!peer_shake_hands(&peer))
		return NULL;
	peer_flush(&peer);
	sem_wait(&is_full);
	while (length < FLOOD) {
		int n = peer_get(&peer, seen + length, FLOOD - length);
		if (n <= 0)
			break;
		length += (size_t)n;
	}
	return length == FLOOD && memcmp(seen, flood, FLOOD) == 0 ? seen : NULL;
}

static void test_outgoing_flood(void)
{
	void *seen;
	bool sent = true;

	sem_init(&is_full, 0, 0);
	open_stream();
	peer_does(swallows);
	if (!accepts())
		abort();
	for (size_t at = 0; at < FLOOD && sent; at += 400000)
		sent = stream_send(&stream, flood + at, FLOOD - at < 400000 ? FLOOD - at : 400000);
	ok(sent && stream_has_unsent(&stream), "%s: more than the socket takes is kept", kind);
	sem_post(&is_full);
	ok(await_sent(&stream, after(20000)), "%s: and goes out as it drains", kind);
	pthread_join(thread, &seen);
	ok(seen != NULL, "%s: what arrives is what was sent", kind);
	close_stream();
}

/* --- ends --------------------------------------------------------------------------------- */

static void *speaks_and_ends(void *arg)
{
	(void)arg;
	if (!peer_shake_hands(&peer))
		return NULL;
	peer_flush(&peer);
	peer_put(&peer, "last words", 10);
	SSL_shutdown(peer.ssl);
	peer_flush(&peer); /* the socket stays open */
	return NULL;
}

static void *just_closes(void *arg)
{
	(void)arg;
	if (!peer_shake_hands(&peer))
		return NULL;
	peer_put(&peer, "cut", 3);
	peer_flush(&peer);
	shutdown(peer.fd, SHUT_WR);
	return NULL;
}

static void *sends_a_forged_record(void *arg)
{
	static const char record[] = "\x17\x03\x03\x00\x20"
				     "0123456789abcdef0123456789abcdef";
	(void)arg;
	if (!peer_shake_hands(&peer))
		return NULL;
	peer_put(&peer, "honest", 6);
	peer_flush(&peer);
	return write(peer.fd, record, sizeof record - 1) > 0 ? arg : NULL;
}

static void test_ends(void)
{
	open_stream();
	peer_does(speaks_and_ends);
	ok(accepts() && reads("last words"), "%s: words before an end are read", kind);
	is_int(reads_end(), 0, "%s: a notice of the end is one, without the socket's", kind);
	is_int(reads_end(), 0, "%s: for ever", kind);
	pthread_join(thread, NULL);
	close_stream();

	open_stream();
	peer_does(just_closes);
	ok(accepts() && reads("cut"), "%s: words before a closed socket", kind);
	is_int(reads_end(), 0, "%s: whose end is one as well", kind);
	pthread_join(thread, NULL);
	close_stream();

	open_stream();
	peer_does(sends_a_forged_record);
	ok(accepts(), "%s: a connection into which somebody writes", kind);
	is_int(reads_end(), -1, "%s: fails", kind);
	is_int(errno, EPROTO, "%s: as a fault of the protocol", kind);
	ok(!stream_send(&stream, "x", 1) && errno == EPROTO, "%s: nothing can be sent any more",
	   kind);
	pthread_join(thread, NULL);
	close_stream();
}

static void ask_for_keys(int times)
{
	for (int i = 0; i < times; i++)
		if (SSL_key_update(peer.ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
		    SSL_do_handshake(peer.ssl) != 1)
			abort();
}

/* Seldom, as TLS wants it; then without end. */
static void *asks_for_keys(void *arg)
{
	(void)arg;
	if (!peer_shake_hands(&peer))
		return NULL;
	ask_for_keys(100);
	peer_put(&peer, "keys", 4);
	peer_flush(&peer);
	ask_for_keys(10000);
	peer_put(&peer, "more", 4);
	peer_flush(&peer);
	return NULL;
}

static void test_new_keys(void)
{
	char text[128];

	open_stream();
	peer_does(asks_for_keys);
	ok(accepts() && reads("keys"), "%s: new keys may be asked for", kind);
	is_int(reads_end(), -1, "%s: but not for ever, instead of saying anything", kind);
	tls_error(&stream, text, sizeof text);
	is_text(text, "too many key updates", "%s: as the error says", kind);
	stream_close(&stream);
	pthread_join(thread, NULL);
	close_stream();
}

static void *waits_for_the_end(void *arg)
{
	char byte;
	(void)arg;
	if (!peer_shake_hands(&peer))
		return NULL;
	peer_flush(&peer);
	int n = peer_get(&peer, &byte, 1);
	return SSL_get_error(peer.ssl, n) == SSL_ERROR_ZERO_RETURN ? &peer : NULL;
}

static void test_own_end(void)
{
	void *noticed;

	open_stream();
	peer_does(waits_for_the_end);
	if (!accepts())
		abort();
	stream_end_sending(&stream);
	pthread_join(thread, &noticed);
	ok(noticed != NULL, "%s: the peer is told that the end is meant", kind);
	close_stream();
}

/* --- at rest ------------------------------------------------------------------------------ */

static sem_t half_is_there;

/* Its first record comes in two halves, the second when it is asked for. */
static void *speaks_by_halves(void *arg)
{
	char word[16];
	char *sealed;

	(void)arg;
	if (!peer_shake_hands(&peer))
		return NULL;
	peer_put(&peer, "halves", 6);
	long length = BIO_get_mem_data(peer.out, &sealed);
	bool sent = write(peer.fd, sealed, (size_t)length - 10) == length - 10;
	sem_post(&half_is_there);
	sent = sent && peer_get(&peer, word, 2) == 2 &&
	       write(peer.fd, sealed + length - 10, 10) == 10;
	(void)BIO_reset(peer.out);
	for (int i = 0; i < 3 && sent; i++) {
		int n = peer_get(&peer, word, sizeof word);
		sent = n > 0;
		peer_put(&peer, word, (size_t)n);
		peer_flush(&peer);
	}
	int n = peer_get(&peer, word, 1);
	return sent && SSL_get_error(peer.ssl, n) == SSL_ERROR_ZERO_RETURN ? &peer : NULL;
}

static bool is_small(const SSL *ssl)
{
	unsigned char pages[2] = {1, 1};
	return mincore((void *)(uintptr_t)ssl, 2 * 4096, pages) == 0 && !(pages[0] & 1) &&
	       !(pages[1] & 1);
}

static void test_folding(void)
{
	char text[128];
	char *data;
	void *done;

	sem_init(&half_is_there, 0, 0);
	open_stream();
	tls_fold(&stream);
	peer_does(speaks_by_halves);
	ok(accepts(), "%s: a connection that will rest", kind);
	const SSL *ssl = tls_ssl(&stream);
	sem_wait(&half_is_there);
	stream_expect_more(&stream);
	ok(stream_read(&stream, &data) == -1 && errno == EAGAIN, "%s: half a record is not read",
	   kind);
	tls_fold(&stream);
	tls_fold(&stream);
	ok(SANITIZED || is_small(ssl), "%s: is folded, with half a record in it", kind);
	ok(stream_send(&stream, "go", 2) && reads("halves"), "%s: the rest of which completes it",
	   kind);
	for (int i = 0; i < 3; i++) {
		tls_fold(&stream);
		ok(stream_send(&stream, "once more", 9), "%s: a folded connection sends", kind);
		tls_fold(&stream);
		ok(reads("once more"), "%s: and receives", kind);
	}
	tls_fold(&stream);
	tls_describe(&stream, text, sizeof text);
	ok(strncmp(text, "TLSv1.3/", 8) == 0, "%s: and has a description: %s", kind, text);
	tls_fold(&stream);
	stream_end_sending(&stream);
	pthread_join(thread, &done);
	ok(done != NULL, "%s: its end is told", kind);
	tls_fold(&stream);
	close_stream();
}

/* --- somebody else's connection ----------------------------------------------------------- */

static void *says_two_things(void *arg)
{
	char word[16];

	(void)arg;
	if (!peer_shake_hands(&peer))
		return NULL;
	peer_flush(&peer);
	int n = peer_get(&peer, word, 4);
	peer_put(&peer, "adopted", 7);
	peer_flush(&peer);
	n = peer_get(&peer, word, sizeof word);
	return n == 6 && memcmp(word, "beyond", 6) == 0 ? &peer : NULL;
}

static void test_adoption(void)
{
	int pair[2];
	void *heard;
	SSL *ssl = SSL_new(server_context);

	make_pair(pair);
	peer_init(&peer, client_context, pair[1]);
	fcntl(pair[0], F_SETFL, 0); /* the handshake is somebody else's, who may block */
	SSL_set_fd(ssl, pair[0]);
	peer_does(says_two_things);
	ok(SSL_accept(ssl) == 1, "%s: a connection of somebody else's", kind);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	stream_init(&stream, &loop, pair[0], stream_ignore);
	ok(tls_adopt(&stream, ssl), "%s: is adopted", kind);
	ok(stream_send(&stream, "word", 4) && reads("adopted"), "%s: and serves as any other", kind);
	stream_release(&stream);
	ok(SSL_write(ssl, "beyond", 6) == 6, "%s: afterwards it is its owner's again", kind);
	pthread_join(thread, &heard);
	ok(heard != NULL, "%s: who can go on with it", kind);
	SSL_free(ssl);
	close(pair[0]);
	close(pair[1]);
	peer_release(&peer);
}

static void tests(void)
{
	test_handshake();
	test_words_behind_the_handshake();
	test_bad_handshakes();
	test_handshake_that_was_read();
	test_ticket();
	test_what_was_posted_before();
	test_incoming_flood();
	test_outgoing_flood();
	test_ends();
	test_new_keys();
	test_own_end();
	test_folding();
	test_adoption();
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	tls_memory_take_over();
	server_context = make_server_context();
	client_context = SSL_CTX_new(TLS_client_method());
	flood = make_flood();
	kind = "unix";
	in_loop(tests);
	kind = "tcp";
	in_loop(tests);
	SSL_CTX_free(server_context);
	SSL_CTX_free(client_context);
	free(flood);
	return done();
}
