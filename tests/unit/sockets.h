/*
 * Pairs of connected sockets of both kinds, and more bytes than they hold.
 */
#ifndef MILLPOND_TESTS_UNIT_SOCKETS_H
#define MILLPOND_TESTS_UNIT_SOCKETS_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *kind; /* "unix" or "tcp": each test runs with both */

static void make_tcp_pair(int pair[2])
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) != 0)
		abort();
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(pair[0], (struct sockaddr *)&address, length) != 0)
		abort();
	pair[1] = accept(listener, NULL, NULL);
	close(listener);
}

/* Its first is nonblocking, for a stream; its second is the peer's and blocks. */
__attribute__((unused)) static void make_pair(int pair[2])
{
	if (strcmp(kind, "tcp") == 0)
		make_tcp_pair(pair);
	else if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		abort();
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
}

/* ThreadSanitizer looks at each byte for half a microsecond. */
#ifdef __SANITIZE_THREAD__
enum { FLOOD = 9 << 20 };
#else
enum { FLOOD = 12 << 20 };
#endif

/* Different at each place, and not with the period of any buffer. */
static char flood_byte(size_t at)
{
	return (char)(at * 2654435761u >> 13);
}

__attribute__((unused)) static char *make_flood(void)
{
	char *flood = malloc(FLOOD);
	for (size_t i = 0; i < FLOOD; i++)
		flood[i] = flood_byte(i);
	return flood;
}

#endif
