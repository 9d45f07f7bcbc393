#include "daemon/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

void peer_from_address(struct peer *peer, int fd, const struct sockaddr *address, uint16_t port)
{
	*peer = (struct peer){.family = (unsigned char)address->sa_family, .port = port};
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
		memcpy(peer->address, &in->sin_addr, sizeof in->sin_addr);
		peer->port = ntohs(in->sin_port);
	} else if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)address;
		memcpy(peer->address, &in->sin6_addr, sizeof in->sin6_addr);
		peer->port = ntohs(in->sin6_port);
	} else {
		struct ucred credentials;
		socklen_t length = sizeof credentials;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0)
			peer->pid = credentials.pid;
	}
}

struct peer peer_of_socket(int fd, uint16_t unix_port,
			   int (*get)(int fd, struct sockaddr *address, socklen_t *length))
{
	struct sockaddr_storage address;
	struct peer peer = {0};
	socklen_t length = sizeof address;

	if (fd >= 0 && get(fd, (struct sockaddr *)&address, &length) == 0)
		peer_from_address(&peer, fd, (const struct sockaddr *)&address, unix_port);
	return peer;
}

void peer_host(const struct peer *peer, char *text, size_t size)
{
	if (peer->family == AF_UNIX)
		snprintf(text, size, "unix(%d)", (int)peer->pid);
	else if (inet_ntop(peer->family, peer->address, text, (socklen_t)size) == NULL)
		snprintf(text, size, "?");
}

void peer_text(const struct peer *peer, char *text, size_t size)
{
	char host[PEER_TEXT_BYTES];
	peer_host(peer, host, sizeof host);
	snprintf(text, size, peer->family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
		 (unsigned)peer->port);
}
