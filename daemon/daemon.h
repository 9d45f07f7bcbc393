/*
 * The process: its settings, its listeners, its workers, and the commands that signals and the
 * console give it. It lives in the main thread, that of the first worker; what others may touch is
 * atomic, or has a lock.
 */
#ifndef MILLPOND_DAEMON_DAEMON_H
#define MILLPOND_DAEMON_DAEMON_H

#include <event2/event.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/settings.h"
#include "daemon/forward.h"
#include "daemon/helpers.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/login/auth_cache.h"
#include "daemon/login/quota.h"
#include "daemon/server/dns.h"
#include "daemon/watchdog.h"
#include "daemon/worker.h"
#include "pool/pools.h"
#include "protocol/keyring.h"

enum daemon_state {
	DAEMON_RUNNING,
	DAEMON_WAITING_FOR_SERVERS, /* ends when no server is lent any more */
	DAEMON_WAITING_FOR_CLIENTS, /* ends when the last client has left */
	DAEMON_ENDING,		    /* everything is being closed */
};

struct daemon {
	struct settings *settings; /* in force, held */
	struct log log;
	int verbose;
	bool quiet;
	struct pools pools;
	struct helpers helpers;
	struct keyring keyring;
	struct auth_cache auth_cache;
	struct quotas quotas;
	struct cancel_keys cancel_keys;
	struct forwards forwards;
	struct dns dns;
	struct worker *workers;
	unsigned worker_count;
	struct watchdog watchdog;
	struct listeners listeners;
	struct event *signals[8];
	struct event *tick;
	atomic_int state;	   /* enum daemon_state */
	atomic_int suspension;	   /* enum suspension */
	atomic_size_t present_count; /* clients that max_client_conn counts: from accept on, but not
				      * those on the console, and who is being sent away */
	atomic_size_t reserve_count; /* sessions with one of the descriptors in reserve */
	atomic_size_t client_count; /* logged in, without the console's */
	atomic_size_t console_count; /* clients of the console */
	atomic_uint moves_held;	   /* while this is not 0 no session goes to another worker */
	size_t session_limit;	   /* as many as there are descriptors for */
	bool is_reloading;
	bool is_suspending;	 /* sessions are being brought to hold still */
	int64_t suspended_at;
	int64_t ends_by; /* when ending: whatever is still open then is left to the kernel */
	struct stats period_start; /* the counters of all pools as the statistics' period began */
	struct stats_past console_past; /* as that of a pool; under the pools' lock */
	int64_t watchdog_us;	 /* how often systemd wants a sign of life; 0: never */
	int64_t watchdog_at;
};

/* Takes over `settings` (held). False: it cannot start, and the log says why. */
bool daemon_init(struct daemon *daemon, struct settings *settings, int verbose, bool quiet);

/* False: a helper thread hangs in somebody else's library, and the process must end without it. */
bool daemon_release(struct daemon *daemon);

/* Opens the listening sockets, or takes those that systemd passed. False: the log says why. */
bool daemon_listen(struct daemon *daemon);

/* Starts the workers' threads. False: one cannot be started, and the log says why. */
bool daemon_start(struct daemon *daemon);

/* Runs until it is told to end. True: everything is closed, and daemon_release() may be called. */
bool daemon_run(struct daemon *daemon);

/* Whether there are descriptors for another client; some are kept for servers, and some more for
 * the Unix socket, over which an admin may come to see what is going on. */
bool daemon_has_descriptors(struct daemon *daemon, bool is_unix);

/* Whether there are still some in reserve, for whoever comes all the same: see session_start(). */
bool daemon_has_reserve(struct daemon *daemon);

/* In the main thread: ends at once; or stops listening, and ends once nobody is left (see enum
 * daemon_state). */
void daemon_shut_down(struct daemon *daemon);
void daemon_shut_down_gently(struct daemon *daemon, enum daemon_state waiting_for);

#endif
