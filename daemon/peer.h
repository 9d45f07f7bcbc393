/*
 * The address at the other end of a client's socket, in little space.
 */
#ifndef MILLPOND_DAEMON_PEER_H
#define MILLPOND_DAEMON_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct peer {
	unsigned char family; /* AF_INET, AF_INET6, AF_UNIX */
	unsigned char address[16];
	uint16_t port; /* of a Unix socket: of the listener */
	int32_t pid;   /* of a Unix socket */
};

#define PEER_TEXT_BYTES 64

/* Reads it off the address that accept() gave, or off the socket. */
void peer_from_address(struct peer *peer, int fd, const struct sockaddr *address, uint16_t port);

/* Asks the kernel for one end of a socket, by getpeername() or getsockname(); all zeros without one. */
struct peer peer_of_socket(int fd, uint16_t unix_port,
			   int (*get)(int fd, struct sockaddr *address, socklen_t *length));

/* "192.0.2.1", "::1" or "unix(123)", without the port. */
void peer_host(const struct peer *peer, char *text, size_t size);

/* "192.0.2.1:5432", "[::1]:5432" or "unix(123):6432", as log lines have it. */
void peer_text(const struct peer *peer, char *text, size_t size);

#endif
