/*
 * Where the clients of a server start, of what it does not report but track_extra_parameters lists: the
 * first of them may change it, and RESET would not lead back to what its connect_query has set.
 */
#ifndef MILLPOND_DAEMON_UNREPORTED_H
#define MILLPOND_DAEMON_UNREPORTED_H

#include <stdbool.h>
#include <stdint.h>

struct failure;
struct server;
struct settings;

/* Notes it in the server's `base`. False: the connection failed, and `why` says so. */
bool await_unreported_noted(struct server *server, const struct settings *settings,
			    struct failure *why, int64_t deadline);

#endif
