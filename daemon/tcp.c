#include "daemon/tcp.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* Fixed, as in PgBouncer: how long a client may say nothing before it is accepted all the same, and its time to log in
 * begins. */
#define DEFER_SECONDS 1

void tcp_set_option(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof value);
}

/* The value, or if it is 0 that of a socket which nobody has touched. */
static void set_or_default(int fd, int untouched, int option, int value)
{
	socklen_t length = sizeof value;

	if (value > 0 || getsockopt(untouched, IPPROTO_TCP, option, &value, &length) == 0)
		tcp_set_option(fd, IPPROTO_TCP, option, value);
}

void tcp_set_buffers(int fd, const struct settings *settings)
{
	int domain = AF_UNSPEC;
	socklen_t length = sizeof domain;

	/* A size that was set once cannot be given back to the kernel's own judgement. */
	if (settings->tcp_socket_buffer == 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain == AF_UNIX)
		return;
	tcp_set_option(fd, SOL_SOCKET, SO_SNDBUF, settings->tcp_socket_buffer);
	tcp_set_option(fd, SOL_SOCKET, SO_RCVBUF, settings->tcp_socket_buffer);
}

void tcp_tune_listener(int fd, const struct settings *settings)
{
	int untouched = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	tcp_set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	tcp_set_option(fd, SOL_SOCKET, SO_KEEPALIVE, settings->tcp_keepalive);
	set_or_default(fd, untouched, TCP_KEEPIDLE, settings->tcp_keepidle);
	set_or_default(fd, untouched, TCP_KEEPINTVL, settings->tcp_keepintvl);
	set_or_default(fd, untouched, TCP_KEEPCNT, settings->tcp_keepcnt);
	set_or_default(fd, untouched, TCP_USER_TIMEOUT, settings->tcp_user_timeout);
	tcp_set_buffers(fd, settings);
	tcp_set_option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT,
		       settings->tcp_defer_accept ? DEFER_SECONDS : 0);
	if (untouched >= 0)
		close(untouched);
}
