/*
 * Where the clients of a server start in what it does not report: its first client may change that, and RESET would not
 * lead back to what connect_query has set. So it has to be asked for when the server has been logged in.
 */
#ifndef MILLPOND_SERVER_START_VALUES_H
#define MILLPOND_SERVER_START_VALUES_H

#include <stdbool.h>
#include <stdint.h>

struct failure;
struct server;
struct settings;

/*
 * Notes it in the server's `base`: of what track_extra_parameters lists, and, with track_session_parameters, of what
 * `connect_query` has set, which has run, or is NULL. False: the connection failed, and `why` says so.
 */
bool await_start_values_noted(struct server *server, const struct settings *settings,
			      const char *connect_query, struct failure *why, int64_t deadline);

#endif
