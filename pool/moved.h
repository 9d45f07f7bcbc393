/*
 * Servers whose host is not where it was.
 */
#ifndef MILLPOND_POOL_MOVED_H
#define MILLPOND_POOL_MOVED_H

#include <stddef.h>

struct pools;
struct server;

/* The numeric address that the server is connected to; "" if it is none. */
void server_address(const struct server *server, char *text, size_t size);

/* No server of that host at that address, whose login is over, will be lent again. */
void pools_leave_address(struct pools *pools, const char *host, const char *address);

/* A server that is not at rest will not be lent again. */
void server_leave(struct server *server);

#endif
