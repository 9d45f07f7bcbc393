/*
 * A cancel request for a connection that libpq has made, independent of its life. It is encrypted if the
 * connection is and the running libpq can do that, as it does from 17 on.
 * Source: PostgreSQL manual, "Canceling Queries in Progress" (libpq).
 */
#ifndef MILLPOND_POOL_LIBPQ_CANCEL_H
#define MILLPOND_POOL_LIBPQ_CANCEL_H

#include <stdbool.h>
#include <stddef.h>

struct libpq_cancel;
struct pg_conn;

/* NULL without memory. */
struct libpq_cancel *libpq_cancel_new(struct pg_conn *connection);

/* Waits, blocking, until the server has taken it; again and again if need be. False: `error` says why. */
bool libpq_cancel_send(struct libpq_cancel *cancel, char *error, size_t error_size);

void libpq_cancel_free(struct libpq_cancel *cancel); /* NULL is nothing */

#endif
