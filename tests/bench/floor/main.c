/*
 * The floor: what relaying costs when nothing is understood. Each client gets a server connection of its
 * own, and bytes are moved with one recv and one send each way. A pooler cannot do less.
 *
 *	floor LISTEN_PORT SERVER_PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* One socket of a pair. `unsent` is what arrived for it and did not fit into its send buffer. */
struct side {
	int fd;
	bool hung_up;
	struct side *peer, *next_gone;
	size_t unsent;
	char *rest;
};

static char scratch[256 * 1024];

static void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static bool send_on(struct side *to, const char *bytes, size_t count)
{
	ssize_t sent = send(to->fd, bytes, count, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN)
		return false;
	to->unsent = count - (sent > 0 ? (size_t)sent : 0);
	if (to->unsent > 0) {
		if (to->rest == NULL && (to->rest = malloc(sizeof(scratch))) == NULL)
			die("malloc");
		memmove(to->rest, bytes + count - to->unsent, to->unsent);
	}
	return true;
}

/* Moves bytes to the peer until there are no more or it takes no more. A short read means no more. */
static bool relay(struct side *from)
{
	while (from->peer->unsent == 0) {
		ssize_t count = recv(from->fd, scratch, sizeof(scratch), 0);
		if (count <= 0)
			return count < 0 && errno == EAGAIN;
		if (!send_on(from->peer, scratch, (size_t)count))
			return false;
		if ((size_t)count < sizeof(scratch) && !from->hung_up)
			break;
	}
	return true;
}

static bool serve(struct side *side, unsigned events)
{
	side->hung_up |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
	if (side->unsent > 0) {
		if (!send_on(side, side->rest, side->unsent))
			return false;
		if (side->unsent == 0 && !relay(side->peer))
			return false;
	}
	return !(events & ~(unsigned)EPOLLOUT) || relay(side);
}

static void add_side(int poll, struct side *side, int fd)
{
	int on = 1;
	struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = side}};

	side->fd = fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (ioctl(fd, FIONBIO, &on) != 0 || epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) != 0)
		die("add_side");
}

static void accept_client(int poll, int listener, const struct sockaddr_in *server)
{
	struct side *sides = calloc(2, sizeof(*sides));
	int client = accept(listener, NULL, NULL);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (sides == NULL || client < 0 || connect(fd, (const void *)server, sizeof(*server)) != 0)
		die("accept_client");
	sides[0].peer = &sides[1];
	sides[1].peer = &sides[0];
	add_side(poll, &sides[0], client);
	add_side(poll, &sides[1], fd);
}

/* Both sides may still stand in the current batch of events, so they are freed after it. */
static void drop(struct side *side, struct side **gone)
{
	close(side->fd);
	close(side->peer->fd);
	side->fd = side->peer->fd = -1;
	side->next_gone = *gone;
	*gone = side;
}

static void free_gone(struct side *gone)
{
	while (gone != NULL) {
		struct side *next = gone->next_gone;
		free(gone->rest);
		free(gone->peer->rest);
		free(gone < gone->peer ? gone : gone->peer);
		gone = next;
	}
}

static struct sockaddr_in loopback(const char *port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((in_port_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: floor LISTEN_PORT SERVER_PORT\n");
		return 2;
	}
	struct sockaddr_in own = loopback(argv[1]), server = loopback(argv[2]);
	int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (void *)&own, sizeof(own)) != 0 || listen(listener, 4096) != 0 ||
	    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) != 0)
		die(argv[1]);

	for (;;) {
		struct epoll_event events[256];
		struct side *gone = NULL;
		int count = epoll_wait(poll, events, 256, -1);
		for (int i = 0; i < count; i++) {
			struct side *side = events[i].data.ptr;
			if (side == NULL)
				accept_client(poll, listener, &server);
			else if (side->fd >= 0 && !serve(side, events[i].events))
				drop(side, &gone);
		}
		free_gone(gone);
	}
}
