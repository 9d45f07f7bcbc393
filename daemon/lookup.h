/*
 * What is known of a user who wants to log in: whether there is one of that name, and its secret.
 */
#ifndef MILLPOND_DAEMON_LOOKUP_H
#define MILLPOND_DAEMON_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/failure.h"

struct session;

struct user_record {
	bool is_known;
	char *secret; /* NULL: no password */
};

/* Looks session->user_name up. False: it cannot be found out, and `why` says so. Release it anyway. */
bool await_user_record(struct session *session, struct user_record *record, struct failure *why,
		       int64_t deadline);

/* Wipes the secret. */
void user_record_release(struct user_record *record);

#endif
