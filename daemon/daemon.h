/*
 * The process: its settings, its listeners, its worker, and the commands that signals and the
 * console give it.
 */
#ifndef MILLPOND_DAEMON_DAEMON_H
#define MILLPOND_DAEMON_DAEMON_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/settings.h"
#include "daemon/keyring.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/offload.h"
#include "daemon/quota.h"
#include "daemon/worker.h"
#include "pool/pools.h"

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
	struct offload offload;
	struct keyring keyring;
	struct quotas quotas;
	struct worker worker;
	struct listeners listeners;
	struct event *signals[8];
	struct event *tick;
	enum daemon_state state;
	bool paused;
	int64_t ends_by; /* when ending: whatever is still open then is left to the kernel */
	int64_t period_began_at; /* of the statistics */
	struct stats period_start;
	int64_t watchdog_us;	 /* how often systemd wants a sign of life; 0: never */
	int64_t watchdog_at;
};

/* Takes over `settings` (held). False: it cannot start, and the log says why. */
bool daemon_init(struct daemon *daemon, struct settings *settings, int verbose, bool quiet);
void daemon_release(struct daemon *daemon);

/* Opens the listening sockets, or takes those that systemd passed. False: the log says why. */
bool daemon_listen(struct daemon *daemon);

/* Runs until it is told to end. True: everything is closed, and daemon_release() may be called. */
bool daemon_run(struct daemon *daemon);

/*
 * Reads the configuration again. All or nothing: False when it is faulty; the log says where, and
 * nothing has changed.
 */
bool daemon_reload(struct daemon *daemon);

/* Gives a setting another value until the next reload. False: `why` says what is wrong with it. */
bool daemon_set(struct daemon *daemon, const char *name, const char *value, struct failure *why);

void daemon_pause(struct daemon *daemon);
void daemon_resume(struct daemon *daemon);

/* Ends at once; or stops listening, and ends once nobody is left (see enum daemon_state). */
void daemon_shut_down(struct daemon *daemon);
void daemon_shut_down_gently(struct daemon *daemon, enum daemon_state waiting_for);

#endif
