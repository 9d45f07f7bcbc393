#include "daemon/helpers.h"

#include <stddef.h>

#include "conf/array.h"

/* How long each set is waited for: a slow directory does not hold up the end. */
#define PATIENCE_US INT64_C(1000000)

/* Logins are work for processors: few at once, of whom nobody gets all. */
#define LOGIN_THREADS 8
#define LOGINS_OF_A_LANE 2

/* Of a host that hangs. */
#define JOBS_FOR_A_HOST 4

void helpers_init(struct helpers *helpers)
{
	offload_init(&helpers->keys);
	offload_init(&helpers->reload);
	offload_init_for_lanes(&helpers->login, LOGIN_THREADS, LOGINS_OF_A_LANE);
	offload_init(&helpers->pam);
	offload_init(&helpers->ldap);
	offload_init_for_lanes(&helpers->cancel, OFFLOAD_THREADS_FOR_LANES, JOBS_FOR_A_HOST);
	offload_init_for_lanes(&helpers->libpq, OFFLOAD_THREADS_FOR_LANES, JOBS_FOR_A_HOST);
}

bool helpers_release(struct helpers *helpers)
{
	struct offload *const all[] = {&helpers->keys, &helpers->reload, &helpers->login,
				       &helpers->pam,  &helpers->ldap,	 &helpers->cancel,
				       &helpers->libpq};
	bool ended = true;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		ended &= offload_release(all[i], loop_now() + PATIENCE_US);
	return ended;
}
