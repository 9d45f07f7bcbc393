#include "pool/moved.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "pool/policy.h"
#include "pool/pools.h"
#include "pool/server.h"

#define REASON "the address of its host has changed"

void server_address(const struct server *server, char *text, size_t size)
{
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof address;
	const void *bytes = NULL;
	int fd = server_socket(server);

	text[0] = '\0';
	if (fd < 0 || getpeername(fd, (struct sockaddr *)&address, &length) != 0)
		return;
	if (address.ss_family == AF_INET)
		bytes = &((const struct sockaddr_in *)&address)->sin_addr;
	else if (address.ss_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)&address)->sin6_addr;
	if (bytes != NULL)
		inet_ntop(address.ss_family, bytes, text, (socklen_t)size);
}

static bool is_there(const struct server *server, const char *host, const char *address)
{
	const char *its_host = server_host(server);
	char its_address[INET6_ADDRSTRLEN];

	if (its_host == NULL || strcasecmp(its_host, host) != 0)
		return false;
	server_address(server, its_address, sizeof its_address);
	return strcmp(its_address, address) == 0;
}

/* One that is logging in belongs to the thread that does it, which looks by itself. */
static void leave(struct pool *pool, const char *host, const char *address)
{
	for (int state = SERVER_LOGIN + 1; state < SERVER_CLOSED; state++) {
		struct server *next;
		for (struct server *server = pool->servers[state].first; server != NULL;
		     server = next) {
			next = server->next;
			if (!is_there(server, host, address))
				continue;
			server->close_needed = true;
			if (state == SERVER_IDLE)
				policy_retire(server, REASON);
		}
	}
}

void pools_leave_address(struct pools *pools, const char *host, const char *address)
{
	pools_keep(pools);
	for (struct pool *pool = pools_first(pools); pool != NULL; pool = pools_next(pool))
		leave(pool, host, address);
	pools_let_go(pools);
}

void server_leave(struct server *server)
{
	pools_lock(server->pool->pools);
	server->close_needed = true;
	pools_unlock(server->pool->pools);
}
