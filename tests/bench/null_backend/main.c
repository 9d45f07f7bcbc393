/*
 * A PostgreSQL backend that computes nothing, so that a benchmark measures what stands in front of it.
 *
 *	null_backend PORT
 *
 * Listens on 127.0.0.1, lets everybody in, and answers the simple and the extended protocol from
 * ready-made bytes: a query that contains `big` gets 10,000 rows of 100 bytes, transaction and utility
 * commands get their tags, every other one gets a single row. One thread; one recv and one send for a
 * batch of messages, and no epoll_ctl after accept.
 */
#include "tests/bench/null_backend/answer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	INPUT_LIMIT = 16384,
	OUTPUT_PAUSE = 65536, /* no further requests are answered while this much is unsent */
};

struct connection {
	int fd;
	size_t to_skip;	 /* bytes of an overlong message that are still to come */
	size_t received; /* in input */
	struct session session;
	char input[INPUT_LIMIT + 1]; /* one byte for the terminator that answer_message() writes */
};

static void die(const char *what)
{
	fprintf(stderr, "null_backend: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Answers what has been received, up to the last whole message or until enough waits to be sent. */
static bool answer_all(struct connection *c)
{
	const struct output *out = &c->session.out;
	size_t at = 0;

	while (out->used < OUTPUT_PAUSE && out->rows_left == 0) {
		size_t skip = c->to_skip < c->received - at ? c->to_skip : c->received - at;
		c->to_skip -= skip;
		at += skip;
		ssize_t taken = answer_message(&c->session, c->input + at, c->received - at,
					       INPUT_LIMIT, &c->to_skip);
		if (taken < 0)
			return false;
		if (taken == 0)
			break;
		at += (size_t)taken;
	}
	c->received -= at;
	if (c->received > 0)
		memmove(c->input, c->input + at, c->received);
	return true;
}

/*
 * Sends, answers and reads until the socket takes no more or has no more. A short read means that it has
 * no more, unless an end of stream may be queued behind it. False: the connection is over.
 */
static bool serve(struct connection *c, bool hung_up)
{
	struct output *out = &c->session.out;

	for (bool drained = false;;) {
		if (!output_flush(out, c->fd))
			return false;
		if (!output_is_empty(out))
			return true;
		if (!answer_all(c))
			return false;
		if (!output_is_empty(out))
			continue;
		if (drained)
			return true;

		size_t room = INPUT_LIMIT - c->received;
		ssize_t count = recv(c->fd, c->input + c->received, room, 0);
		if (count <= 0)
			return count < 0 && errno == EAGAIN;
		c->received += (size_t)count;
		drained = (size_t)count < room && !hung_up;
	}
}

static void drop(struct connection *c)
{
	close(c->fd);
	session_release(&c->session);
	free(c);
}

static void accept_all(int poll, int listener)
{
	int on = 1;
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *c = calloc(1, sizeof(*c));
		if (c == NULL)
			die("calloc");
		c->fd = fd;
		session_init(&c->session);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = c}};
		if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) != 0)
			die("epoll_ctl");
	}
}

static int listen_on(const char *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 4096) != 0)
		die(port);
	return fd;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: null_backend PORT\n");
		return 2;
	}
	output_prepare();
	int listener = listen_on(argv[1]);
	int poll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN};
	if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) != 0)
		die("epoll");

	for (;;) {
		struct epoll_event events[256];
		int count = epoll_wait(poll, events, 256, -1);
		for (int i = 0; i < count; i++) {
			struct connection *c = events[i].data.ptr;
			bool hung_up = events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
			if (c == NULL)
				accept_all(poll, listener);
			else if (!serve(c, hung_up))
				drop(c);
		}
	}
}
