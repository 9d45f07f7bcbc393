/*
 * The login to a server by libpq itself, for what Millpond does not do without it. The loop waits for the
 * socket; each step is a helper thread's, since it may block or take long.
 */
#ifndef MILLPOND_SERVER_LIBPQ_LOGIN_H
#define MILLPOND_SERVER_LIBPQ_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

struct conninfo;
struct failure;
struct server;
struct worker;

/* True: the server's connection is logged in, and server_take_over() comes next. False: `why`; what libpq was
 * computing at the deadline goes on in its helper, but the server is hung up on at once. */
bool await_libpq_login(struct server *server, struct worker *worker, const struct conninfo *conninfo,
		       struct failure *why, int64_t deadline);

#endif
