/*
 * Any bytes in the place of a handshake, as its beginning, or behind it, from a client or from a server: the connection
 * fails or ends, and what was read honestly stays so.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/runtime/stream.h"
#include "daemon/runtime/tls.h"
#include "daemon/server/server_tls.h"
#include "tests/unit/tls_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a client says, and what a server does. */
enum { INSTEAD, BEGUN, BEHIND, ANSWERED, BEHIND_ANSWER, KINDS };

static struct loop loop;
static SSL_CTX *server_context;
static SSL_CTX *client_context;

struct attempt {
	const uint8_t *data;
	size_t size;
	int kind;
	int pair[2];
};

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static bool is_from_server(const struct attempt *attempt)
{
	return attempt->kind >= ANSWERED;
}

static bool is_behind(const struct attempt *attempt)
{
	return attempt->kind == BEHIND || attempt->kind == BEHIND_ANSWER;
}

static void prepare(void)
{
	signal(SIGPIPE, SIG_IGN);
	server_context = make_server_context();
	client_context = SSL_CTX_new(TLS_client_method());
	expect(client_context != NULL && loop_init(&loop));
}

/* Agrees to TLS when it is asked for, and plays the server. */
static void agree(struct tls_peer *peer)
{
	char request[8];

	expect(read(peer->fd, request, sizeof request) == sizeof request &&
	       write(peer->fd, "S", 1) == 1);
	SSL_set_accept_state(peer->ssl);
}

/* Shakes hands, says something, and then sends the bytes into the connection. */
static void *peer_main(void *arg)
{
	struct attempt *attempt = arg;
	struct tls_peer peer;

	peer_init(&peer, is_from_server(attempt) ? server_context : client_context, attempt->pair[1]);
	if (is_from_server(attempt))
		agree(&peer);
	if (peer_shake_hands(&peer))
		peer_put(&peer, "honest", 6);
	peer_flush(&peer);
	expect(write(attempt->pair[1], attempt->data, attempt->size) >= 0);
	shutdown(attempt->pair[1], SHUT_WR);
	peer_release(&peer);
	return NULL;
}

/* Answers how many bytes could be read before the end. */
static size_t await_end(struct stream *stream, int64_t deadline)
{
	size_t seen = 0;
	char *data;

	for (;;) {
		ssize_t length = stream_read(stream, &data);
		if (length == 0 || (length < 0 && errno != EAGAIN))
			return seen;
		if (length > 0) {
			expect(seen > 0 || length < 6 || memcmp(data, "honest", 6) == 0);
			seen += (size_t)length;
		} else {
			expect(await_readable(stream, deadline));
		}
	}
}

static bool await_client(struct attempt *attempt, struct stream *stream, int64_t deadline)
{
	size_t begun = attempt->kind == BEGUN ? attempt->size / 2 : 0;

	memcpy(loop.scratch, attempt->data, begun);
	bool done = await_tls_accept(stream, server_context, loop.scratch, begun, deadline);
	expect(done || (errno != EAGAIN && errno != ETIMEDOUT));
	return done;
}

/* Nothing of what may be at home counts. */
static bool await_server(struct direct *direct, struct stream *stream, int64_t deadline)
{
	struct conninfo conninfo = {0};
	struct failure why;

	conninfo_add(&conninfo, "sslrootcert", "/nowhere");
	conninfo_add(&conninfo, "sslcertmode", "disable");
	bool done = await_server_tls(direct, stream, &conninfo, TLS_REQUIRE, &why, deadline);
	expect(done || why.kind != FAILURE_CONNECT_TIMEOUT);
	return done;
}

static void end(struct attempt *attempt, struct stream *stream, struct direct *direct)
{
	if (is_from_server(attempt)) {
		stream_release(stream);
	} else {
		tls_say_end(stream);
		stream_close(stream);
		direct->fd = -1;
	}
	direct_free(direct);
}

static void attempt_main(void *arg)
{
	struct attempt *attempt = arg;
	int64_t deadline = loop_now() + 20000000;
	struct direct *direct = calloc(1, sizeof *direct);
	struct stream stream;

	expect(direct != NULL);
	direct->fd = attempt->pair[0];
	stream_init(&stream, &loop, direct->fd, stream_ignore);
	bool done = is_from_server(attempt) ? await_server(direct, &stream, deadline) :
					      await_client(attempt, &stream, deadline);
	expect(done == is_behind(attempt));
	expect(!done || await_end(&stream, deadline) == 6);
	end(attempt, &stream, direct);
	loop_stop(&loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct attempt attempt = {.data = data + 1, .size = size - 1};
	pthread_t thread;

	pthread_once(&once, prepare);
	/* So much goes into a socket at once. */
	if (size < 2 || size > 16384)
		return 0;
	attempt.kind = data[0] % KINDS;
	expect(socketpair(AF_UNIX, SOCK_STREAM, 0, attempt.pair) == 0);
	fcntl(attempt.pair[0], F_SETFL, O_NONBLOCK);
	if (is_behind(&attempt)) {
		expect(pthread_create(&thread, NULL, peer_main, &attempt) == 0);
	} else {
		size_t from = attempt.kind == BEGUN ? attempt.size / 2 : 0;
		expect(write(attempt.pair[1], attempt.data + from, attempt.size - from) >= 0);
		shutdown(attempt.pair[1], SHUT_WR);
	}
	expect(coroutine_start(&loop, attempt_main, &attempt) != NULL);
	loop_run(&loop);
	if (is_behind(&attempt))
		pthread_join(thread, NULL);
	close(attempt.pair[1]);
	return 0;
}
