/*
 * The sets of helper threads that the workers share (see offload.h). What asks somebody who may be slow stands in a
 * line of its own.
 */
#ifndef MILLPOND_DAEMON_HELPERS_H
#define MILLPOND_DAEMON_HELPERS_H

#include <stdbool.h>

#include "daemon/offload.h"

struct helpers {
	struct offload keys;   /* deriving the SCRAM keys of passwords that the pooler has itself */
	struct offload reload; /* making new settings, which reads files */
	struct offload login;  /* what clients give to do in their logins; in lanes */
	struct offload pam;
	struct offload ldap;
	struct offload cancel; /* sending cancel requests; in lanes, one for each host */
	struct offload libpq;  /* the steps of libpq's logins, and requirepeer; likewise */
};

void helpers_init(struct helpers *helpers);

/*
 * Waits for the jobs that are running, but not long for one that hangs. False: one does, in somebody else's library,
 * and the process must end without it.
 */
bool helpers_release(struct helpers *helpers);

#endif
