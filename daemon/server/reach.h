/*
 * Sockets to the hosts of a conninfo, for logins without libpq.
 */
#ifndef MILLPOND_SERVER_REACH_H
#define MILLPOND_SERVER_REACH_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/server/conninfo.h"
#include "pool/direct.h"
#include "protocol/failure.h"

struct loop;

/* How many hosts the list has. */
unsigned reach_count(const struct conninfo *conninfo);

/*
 * Connects to the first host of the list, from that number on, that lets it, and fills in the number,
 * socket, address, host and port. False: none does, and `why` tells the last one's reason.
 */
bool await_reached(struct direct *direct, struct loop *loop, const struct conninfo *conninfo,
		   unsigned *number, struct failure *why, int64_t deadline);

/* The lane of helpers' jobs for servers there (see offload): a host that hangs does so for all of them. Never 0. */
uint32_t reach_lane(const char *host, uint16_t port);

/* A wait on the way to a server, or into it, has failed: `why` tells the reason, by errno. Answers false. */
bool reach_wait_failed(struct failure *why);

#endif
