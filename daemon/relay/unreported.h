/*
 * The parameters that track_extra_parameters lists and a server does not report: where its clients start,
 * which has to be asked for, since the first client may change them and RESET would not lead back to what
 * connect_query has set; and which requests may change them.
 */
#ifndef MILLPOND_RELAY_UNREPORTED_H
#define MILLPOND_RELAY_UNREPORTED_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/relay/upstream.h"
#include "pool/server.h"
#include "protocol/message.h"

struct failure;
struct settings;

/* Notes where they start in the server's `base`. False: the connection failed, and `why` says so. */
bool await_unreported_noted(struct server *server, const struct settings *settings,
			    struct failure *why, int64_t deadline);

/* Whether such a request is to be noted. */
static inline bool unreported_wants(const struct upstream *upstream, unsigned char letter)
{
	return (letter == FRONTEND_QUERY || letter == FRONTEND_PARSE) &&
	       parameters_count(upstream->server->unreported) > 0;
}

/* Notes of a Query or Parse, or its beginning, that it may set something: the tag of a SELECT does not
 * tell. */
void unreported_note_request(struct upstream *upstream, const struct message *message);

#endif
