/*
 * The clock of a turn, in which a client has a server: when its transaction and its query began, what
 * that adds to the counters, and which of the limits is reached next.
 */
#ifndef MILLPOND_RELAY_TURN_CLOCK_H
#define MILLPOND_RELAY_TURN_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/runtime/loop.h"
#include "pool/pool.h"
#include "protocol/failure.h"

struct turn_clock {
	struct loop *loop;
	struct stats *stats;
	int64_t transaction_at; /* when it began; 0: none is open */
	int64_t query_at;	/* when the server was last asked something it owes; 0: nothing */
	bool is_half;		/* ... of which not all has come: the client is idle still */
	int64_t settled_at;	/* since when it owes nothing */
	int64_t query_limit_us; /* 0: none */
	int64_t transaction_limit_us;
	int64_t idle_limit_us;
	bool is_limited; /* by one of these */
};

/* The limits are those of the settings that the share goes by. */
void turn_clock_init(struct turn_clock *clock, struct loop *loop, struct pool_share *share);

/* The server is asked for something; `is_whole`: in a message that has come to its end. */
void turn_clock_asks(struct turn_clock *clock, bool is_whole);

/* More of a message has come; `is_whole`: there is no rest. */
static inline void turn_clock_has_rest(struct turn_clock *clock, bool is_whole)
{
	clock->is_half = clock->is_half && !is_whole;
}

/* The server is ready again. `is_settled`: it owes nothing more. */
void turn_clock_ready(struct turn_clock *clock, bool is_settled, bool in_transaction);

/* A time in which nothing could go on counts towards no limit and no counter. */
void turn_clock_stood_still(struct turn_clock *clock, int64_t elapsed_us);

/* When the first of the limits that apply now is reached, and which one that is; DEADLINE_NEVER: none. */
int64_t turn_clock_nearest_limit(const struct turn_clock *clock, enum failure_kind *kind);
static inline int64_t turn_clock_next_limit(const struct turn_clock *clock, enum failure_kind *kind)
{
	return clock->is_limited ? turn_clock_nearest_limit(clock, kind) : DEADLINE_NEVER;
}

/* Adds to the failure of a limit how long it has taken, and how long it may take. Always false. */
bool turn_clock_describe(const struct turn_clock *clock, struct failure *why);

#endif
