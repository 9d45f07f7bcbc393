/*
 * A worker: one event loop with all that hangs on it. What workers share stands behind pointers.
 */
#ifndef MILLPOND_DAEMON_WORKER_H
#define MILLPOND_DAEMON_WORKER_H

#include <event2/dns.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/settings.h"
#include "daemon/cancel.h"
#include "daemon/log.h"
#include "daemon/offload.h"
#include "daemon/runtime/loop.h"
#include "pool/pools.h"
#include "protocol/writer.h"

struct daemon;
struct keyring;
struct session;

struct worker {
	struct loop loop;
	struct daemon *daemon; /* the process, for the console's commands */
	struct log *log;
	struct offload *offload;
	struct keyring *keyring;
	struct pools *pools;
	struct writer requests; /* what is being sent, when it is not the client's own bytes ... */
	struct writer replies;	/* ... or the server's; filled and emptied between two awaits */
	struct settings *settings; /* in force, held */
	struct evdns_base *resolver;
	struct cancel_keys cancel_keys;

	struct session *sessions; /* all clients, from accept to close */
	size_t session_count;
	size_t session_limit; /* as many as there are descriptors for */
	size_t client_count;  /* logged in, without the console's */
	bool has_sleepers;    /* a session could not be woken for lack of memory */
	bool closing;	      /* the process is about to end: no new clients but the console's */
	bool ending;	      /* ... at once: nobody is waited for */
	struct server *undialled; /* could not be started for lack of memory: tried again */
	struct server *unchecked;
};

#endif
