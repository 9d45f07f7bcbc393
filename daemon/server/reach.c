#include "daemon/server/reach.h"

#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/hosts.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/tcp.h"
#include "daemon/unix_socket.h"
#include "protocol/hash.h"

/* --- addresses ---------------------------------------------------------------------------- */

/* Copies the item of that number; nothing of no list. */
static void copy_item(const char *list, unsigned number, char *text, size_t size)
{
	size_t length = 0;
	const char *item = list == NULL ? "" : host_list_item(list, number, &length);

	snprintf(text, size, "%.*s", (int)length, item);
}

static unsigned count_items(const char *list)
{
	return list == NULL ? 0 : host_list_length(list);
}

/* A directory, or with '@' a name without a file. */
static bool unix_address(struct direct *direct, const char *folder, const char *port)
{
	direct->address_length =
		unix_socket_address((struct sockaddr_un *)&direct->address, folder, port);
	return direct->address_length > 0;
}

static bool numeric_address(struct direct *direct, const char *host, const char *port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *found;

	errno = EINVAL;
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return false;
	memcpy(&direct->address, found->ai_addr, found->ai_addrlen);
	direct->address_length = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

/* --- connecting --------------------------------------------------------------------------- */

static void set_option(int fd, int level, int option, const char *value)
{
	int number = value != NULL ? atoi(value) : 0;

	if (number > 0)
		tcp_set_option(fd, level, option, number);
}

static void set_options(int fd, const struct conninfo *conninfo)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, "1");
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, conninfo_value(conninfo, "keepalives"));
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, conninfo_value(conninfo, "keepalives_idle"));
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, conninfo_value(conninfo, "keepalives_interval"));
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, conninfo_value(conninfo, "keepalives_count"));
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, conninfo_value(conninfo, "tcp_user_timeout"));
}

/* False with errno. */
static bool await_socket(struct direct *direct, struct loop *loop, const struct conninfo *conninfo,
			 int64_t deadline)
{
	int failure = 0;
	socklen_t length = sizeof failure;

	direct->fd = socket(direct->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (direct->fd < 0)
		return false;
	if (direct->address.ss_family != AF_UNIX)
		set_options(direct->fd, conninfo);
	if (connect(direct->fd, (struct sockaddr *)&direct->address, direct->address_length) == 0)
		return true;
	if (errno != EINPROGRESS || !await_descriptor(loop, direct->fd, EV_WRITE, deadline) ||
	    getsockopt(direct->fd, SOL_SOCKET, SO_ERROR, &failure, &length) != 0)
		return false;
	errno = failure;
	return failure == 0;
}

static bool await_target(struct direct *direct, struct loop *loop, const struct conninfo *conninfo,
			 unsigned number, int64_t deadline)
{
	char address[256];
	char port[16];

	copy_item(conninfo_value(conninfo, "host"), number, direct->host, sizeof direct->host);
	copy_item(conninfo_value(conninfo, "hostaddr"), number, address, sizeof address);
	copy_item(conninfo_value(conninfo, "port"), number, port, sizeof port);
	direct->has_name = direct->host[0] != '\0';
	if (!direct->has_name)
		snprintf(direct->host, sizeof direct->host, "%s", address);
	direct->address = (struct sockaddr_storage){0};
	direct->port = (uint16_t)strtoul(port, NULL, 10);
	bool is_local = address[0] == '\0' && (direct->host[0] == '/' || direct->host[0] == '@');
	if (!(is_local ? unix_address(direct, direct->host, port) :
			 numeric_address(direct, address, port)))
		return false;
	if (await_socket(direct, loop, conninfo, deadline))
		return true;
	int failure = errno;
	if (direct->fd >= 0)
		close(direct->fd);
	direct->fd = -1;
	errno = failure;
	return false;
}

unsigned reach_count(const struct conninfo *conninfo)
{
	unsigned hosts = count_items(conninfo_value(conninfo, "host"));
	unsigned addresses = count_items(conninfo_value(conninfo, "hostaddr"));

	return hosts > addresses ? hosts : addresses;
}

uint32_t reach_lane(const char *host, uint16_t port)
{
	uint32_t hash = hash_number(HASH_START, port);

	return hash_bytes(hash, host, host != NULL ? strlen(host) : 0) | 1;
}

bool reach_wait_failed(struct failure *why)
{
	int reason = errno;

	if (reason == ETIMEDOUT)
		return failure_set(why, FAILURE_CONNECT_TIMEOUT);
	if (reason == ECANCELED)
		return failure_set(why, FAILURE_SERVER_SHUTTING_DOWN);
	failure_set(why, FAILURE_CONNECT_FAILED, "connection failed");
	return failure_detail(why, "%s", strerror(reason));
}

bool await_reached(struct direct *direct, struct loop *loop, const struct conninfo *conninfo,
		   unsigned *number, struct failure *why, int64_t deadline)
{
	unsigned count = reach_count(conninfo);

	failure_set(why, FAILURE_CONNECT_FAILED, "no host");
	for (; *number < count; ++*number) {
		if (await_target(direct, loop, conninfo, *number, deadline))
			return true;
		if ((errno == ETIMEDOUT && loop_now() >= deadline) || errno == ECANCELED)
			return reach_wait_failed(why);
		failure_set(why, FAILURE_CONNECT_FAILED, "connection failed");
		failure_detail(why, "%s, port %u: %s", direct->host, direct->port, strerror(errno));
	}
	return false;
}
