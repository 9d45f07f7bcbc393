/*
 * A connection to a server that the daemon has made and logged in by itself, where libpq cannot: with
 * keys instead of a password. Owns the socket. The rest of the code asks struct server, and does not
 * see the difference.
 */
#ifndef MILLPOND_POOL_DIRECT_H
#define MILLPOND_POOL_DIRECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "protocol/startup.h"

struct direct {
	int fd; /* nonblocking */
	void *ssl; /* the daemon's, of a connection under TLS; NULL: in the clear */
	void (*end_ssl)(void *ssl); /* says goodbye through it, and frees it */
	struct sockaddr_storage address; /* of the server, for cancel requests */
	socklen_t address_length;
	uint16_t port;
	char host[256]; /* as it stood in the list, or ... */
	bool has_name;	/* ... the address, where only that is given */
	char cancel_key[CANCEL_KEY_BYTES]; /* the first four are its process */
};

/* Says goodbye to the server and closes the socket. NULL is nothing. */
void direct_free(struct direct *direct);

/*
 * Sends a cancel request to such a server and waits, blocking, until it has been taken. False:
 * `error` says why. Source: PostgreSQL manual, "Canceling Requests in Progress".
 */
bool direct_cancel(const struct direct *direct, char *error, size_t error_size);

#endif
