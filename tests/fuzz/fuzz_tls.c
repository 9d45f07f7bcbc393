/* Any bytes in the place of a handshake, as its beginning, or behind it: the connection fails or ends, and what was read honestly stays so. */
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
#include "tests/unit/tls_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INSTEAD, BEGUN, BEHIND, KINDS };

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

static void spoke(struct stream *stream)
{
	(void)stream;
}

static void prepare(void)
{
	signal(SIGPIPE, SIG_IGN);
	server_context = make_server_context();
	client_context = SSL_CTX_new(TLS_client_method());
	expect(client_context != NULL && loop_init(&loop));
}

/* Shakes hands, says something, and then sends the bytes into the connection. */
static void *peer_main(void *arg)
{
	struct attempt *attempt = arg;
	struct tls_peer peer;

	peer_init(&peer, client_context, attempt->pair[1]);
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

static void attempt_main(void *arg)
{
	struct attempt *attempt = arg;
	int64_t deadline = loop_now() + 20000000;
	size_t begun = 0;
	struct stream stream;

	stream_init(&stream, &loop, attempt->pair[0], spoke);
	if (attempt->kind == BEGUN) {
		begun = attempt->size / 2;
		memcpy(loop.scratch, attempt->data, begun);
	}
	bool accepted =
		await_tls_accept(&stream, server_context, loop.scratch, begun, deadline);
	expect(accepted == (attempt->kind == BEHIND));
	if (accepted)
		expect(await_end(&stream, deadline) == 6);
	else
		expect(errno != EAGAIN && errno != ETIMEDOUT);
	tls_say_end(&stream);
	stream_close(&stream);
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
	if (attempt.kind == BEHIND) {
		expect(pthread_create(&thread, NULL, peer_main, &attempt) == 0);
	} else {
		size_t from = attempt.kind == BEGUN ? attempt.size / 2 : 0;
		expect(write(attempt.pair[1], attempt.data + from, attempt.size - from) >= 0);
		shutdown(attempt.pair[1], SHUT_WR);
	}
	expect(coroutine_start(&loop, attempt_main, &attempt) != NULL);
	loop_run(&loop);
	if (attempt.kind == BEHIND)
		pthread_join(thread, NULL);
	close(attempt.pair[1]);
	return 0;
}
