/*
 * libpq's requirepeer, for logins that are made without libpq: as whom the server at the other end of a Unix socket
 * must run. Whoever else has made a socket there is told nothing.
 * Source: PostgreSQL manual, "Parameter Key Words", requirepeer.
 */
#ifndef MILLPOND_SERVER_REQUIRE_PEER_H
#define MILLPOND_SERVER_REQUIRE_PEER_H

#include <stdbool.h>
#include <stdint.h>

struct conninfo;
struct direct;
struct failure;
struct worker;

/* Whether nobody is required, or that one is there. False: `why`, in libpq's words. */
bool await_required_peer(const struct direct *direct, struct worker *worker,
			 const struct conninfo *conninfo, struct failure *why, int64_t deadline);

#endif
