/*
 * What a client says while it holds no server: whether that is a request that needs one.
 */
#ifndef MILLPOND_RELAY_REQUEST_H
#define MILLPOND_RELAY_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/failure.h"

struct message;
struct session;

/*
 * Whether a message may be a part of a request; `max_bytes` limits the whole of it. False: the session ends,
 * as it does with a Terminate, and `why` says so.
 */
bool request_check(const struct message *message, size_t max_bytes, struct failure *why);

/*
 * Reads what has come, into the scratch buffer. `*length` is 0 when there is no request in it that
 * is complete enough to lend a server for. False: the session ends.
 */
bool request_read(struct session *session, char **data, size_t *length, struct failure *why);

/*
 * Answers a request, of which `length` bytes at `data` are there, with the error `why` instead of a server's
 * reply: drops it up to its end (a Query or a Sync, which may still have to come), and says that the
 * session is ready again.
 */
bool await_request_refused(struct session *session, char *data, size_t length,
			   struct failure *why);

#endif
