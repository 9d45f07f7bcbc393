#include "daemon/server/require_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/helpers.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/server/conninfo.h"
#include "daemon/server/reach.h"
#include "daemon/system_user.h"
#include "daemon/worker.h"
#include "pool/direct.h"
#include "protocol/failure.h"

/* Where one name is not told, none is. */
#define LANE_OF_PEERS 1

static bool is_required(const struct system_user *user, const char *required, struct failure *why)
{
	if (strcmp(user->name, required) == 0)
		return true;
	failure_set(why, FAILURE_CONNECT_FAILED, "");
	snprintf(why->message, sizeof why->message,
		 "requirepeer specifies \"%.60s\", but actual peer user name is \"%.60s\"",
		 required, user->name);
	return false;
}

bool await_required_peer(const struct direct *direct, struct worker *worker,
			 const struct conninfo *conninfo, struct failure *why, int64_t deadline)
{
	const char *required = conninfo_value(conninfo, "requirepeer");

	if (required == NULL || direct->address.ss_family != AF_UNIX)
		return true;
	struct system_user *user = system_user_of_peer(direct->fd);
	if (user == NULL ||
	    !await_offload_until(&worker->helpers->libpq, &worker->loop, LANE_OF_PEERS,
				 system_user_look_up, free, user, deadline))
		return reach_wait_failed(why);
	bool is_he = is_required(user, required, why);
	free(user);
	return is_he;
}
