/*
 * Which way of proving who he is a client must take, and those ways that need no secret: where he
 * comes from, his certificate, and whose process it is.
 */
#ifndef MILLPOND_LOGIN_ADMISSION_H
#define MILLPOND_LOGIN_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/failure.h"

struct session;

/*
 * Finds what auth_type, or with hba the first line that fits, asks of the client, and has it done.
 * What was read before is gone from the scratch buffer afterwards. False: it stays outside, and `why`
 * says so.
 */
bool await_admitted(struct session *session, bool is_replication, struct failure *why,
		    int64_t deadline);

#endif
