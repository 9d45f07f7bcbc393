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

struct direct;

/* What the daemon does with its TLS. */
struct direct_tls {
	void (*end)(void *ssl); /* says goodbye through it, and frees it */
	/* One for another connection to the same server, to be ended as well; NULL without memory. */
	void *(*again)(const struct direct *direct);
	/*
	 * Begins TLS on a socket that blocks, shakes hands as before, sends the request and waits until
	 * the server has hung up. False: `error` says why.
	 */
	bool (*ask)(const struct direct *direct, int fd, const char *request, size_t length, char *error,
		    size_t error_size);
};

struct direct {
	int fd; /* nonblocking; -1: none */
	void *ssl; /* the daemon's, of a connection under TLS; NULL: in the clear */
	const struct direct_tls *tls; /* for it */
	bool begins_tls;	      /* without asking for it (sslnegotiation=direct) */
	bool checks_host;	      /* its certificate must be for the host */
	bool was_asked_to_show;	      /* a certificate, and ... */
	bool has_shown;		      /* ... has one */
	struct sockaddr_storage address; /* of the server, for cancel requests */
	socklen_t address_length;
	uint16_t port;
	char host[256]; /* as it stood in the list, or ... */
	bool has_name;	/* ... the address, where only that is given */
	char cancel_key[CANCEL_KEY_BYTES]; /* the first four are its process */
};

/* Says goodbye to the server and closes the socket. NULL is nothing. */
void direct_free(struct direct *direct);

/* The same without a connection, for a cancel request; to be freed. NULL without memory. */
struct direct *direct_again(const struct direct *direct);

/*
 * Sends a cancel request to such a server, encrypted if the connection was, and waits, blocking, until it has
 * been taken. False: `error` says why. Source: PostgreSQL manual, "Canceling Requests in Progress".
 */
bool direct_cancel(const struct direct *direct, char *error, size_t error_size);

#endif
