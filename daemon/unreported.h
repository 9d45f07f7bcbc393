/*
 * The parameters that track_extra_parameters lists and a server does not report: where its clients start,
 * which has to be asked for, since the first client may change them and RESET would not lead back to what
 * connect_query has set; and which requests may change them.
 */
#ifndef MILLPOND_DAEMON_UNREPORTED_H
#define MILLPOND_DAEMON_UNREPORTED_H

#include <stdbool.h>
#include <stdint.h>

struct failure;
struct message;
struct server;
struct settings;
struct upstream;

/* Notes where they start in the server's `base`. False: the connection failed, and `why` says so. */
bool await_unreported_noted(struct server *server, const struct settings *settings,
			    struct failure *why, int64_t deadline);

/* Notes of a Query or Parse, or its beginning, that it may set something: the tag of a SELECT does not
 * tell. */
void unreported_note_request(struct upstream *upstream, const struct message *message);

#endif
