/*
 * Makes a program that runs with LD_PRELOAD=hasty_replies.so see each reply at once: a send() to the port named
 * by HASTY_PORT, on this machine, does not return before the server is ready for more, or a second is over.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int leads_to_port(int fd)
{
	const char *port = getenv("HASTY_PORT");
	struct sockaddr_in peer = {0};
	socklen_t length = sizeof peer;

	return port != NULL && getpeername(fd, (struct sockaddr *)&peer, &length) == 0 &&
	       peer.sin_family == AF_INET && ntohs(peer.sin_port) == atoi(port);
}

/* Whether all that has come ends with ReadyForQuery. */
static int is_ready(int fd)
{
	static const char ready[] = {'Z', 0, 0, 0, 5};
	char reply[16384];
	ssize_t length = recv(fd, reply, sizeof reply, MSG_PEEK | MSG_DONTWAIT);

	return length > (ssize_t)sizeof ready &&
	       memcmp(reply + length - 1 - sizeof ready, ready, sizeof ready) == 0;
}

ssize_t send(int fd, const void *data, size_t length, int flags)
{
	ssize_t sent = syscall(SYS_sendto, fd, data, length, flags, NULL, 0);

	for (int i = 0; sent > 0 && i < 1000 && leads_to_port(fd) && !is_ready(fd); i++)
		usleep(1000);
	return sent;
}
