/*
 * What a server does not report but track_extra_parameters lists. Where its clients start of it: the first
 * of them may change it, and RESET would not lead back to what its connect_query has set. And which of
 * their requests may change it.
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

/* Notes it in the server's `base`. False: the connection failed, and `why` says so. */
bool await_unreported_noted(struct server *server, const struct settings *settings,
			    struct failure *why, int64_t deadline);

/* Notes of a Query or Parse, or its beginning, that it may set something: the tag of a SELECT does not
 * tell. */
void unreported_note_request(struct upstream *upstream, const struct message *message);

#endif
