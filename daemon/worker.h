/*
 * A worker: a thread with its event loop and all that hangs on it. A session and a server's socket
 * belong to one worker at a time and are touched in its thread only; what workers share stands behind
 * pointers. The first worker runs in the main thread, which also accepts clients and takes signals.
 */
#ifndef MILLPOND_DAEMON_WORKER_H
#define MILLPOND_DAEMON_WORKER_H

#include <event2/dns.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/settings.h"
#include "daemon/cancel.h"
#include "daemon/helpers.h"
#include "daemon/log.h"
#include "daemon/random.h"
#include "daemon/runtime/loop.h"
#include "daemon/suspend.h"
#include "pool/pools.h"
#include "protocol/writer.h"

struct auth_cache;
struct cancel;
struct daemon;
struct keyring;
struct session;
struct set_cache;
struct walk;

/* The period of housekeeping at the end, when there is no time to lose. */
#define LAST_TICKS_US 10000

/* Servers that other threads have for this worker: to be connected, checked, taken down. */
struct worker_inbox {
	pthread_mutex_t lock;
	struct loop_message message; /* on its way if there is anything */
	struct server *dials;
	struct server *checks;
	struct server *retired;
	bool is_posted;
};

/* What the process wants of a worker; each stage holds the ones before. */
enum worker_order { WORKER_SERVE, WORKER_CLOSE, WORKER_END, WORKER_STOP };

/* How busy it is, and what it should do about that: see balance.h. Others read and write it. */
struct worker_load {
	atomic_uint permille;	   /* of a processor that it uses */
	atomic_uint placed_us;	   /* what the clients will take that it was given since that was measured */
	atomic_uint to_shed;	   /* sessions it is asked to give away ... */
	atomic_uint shed_to;	   /* ... to that worker */
	_Atomic uint64_t moved_in; /* sessions that came from other workers, or went to them */
	_Atomic uint64_t moved_out;
	_Atomic uint64_t servers_in; /* servers that came from other workers */
	unsigned active_count;	     /* sessions that had something to do in this tick; its own */
	atomic_uint active;	     /* the same of the last tick */
	/* The main thread's own: */
	unsigned lately;     /* average of `permille` */
	int64_t measured_at; /* when it was last measured, ... */
	int64_t cpu_us;	     /* ... and how much time of a processor it had used by then */
	/* Likewise, and of the first worker only, since they are about all processors: */
	int64_t idle_us;     /* how long these had been idle by then */
	int64_t free_lately; /* average of how much of them is free, in thousandths of one */
};

struct worker {
	_Alignas(64) struct loop loop; /* no two workers in one line of the cache */
	unsigned index;
	pthread_t thread;
	atomic_int tid;		/* the kernel's number of the thread; 0: not running yet */
	struct worker *all;	/* the workers by their numbers ... */
	unsigned count;		/* ... and how many they are */
	struct daemon *daemon;
	struct log *log;
	struct helpers *helpers;
	struct keyring *keyring;
	struct auth_cache *auth_cache;
	struct pools *pools;
	struct cancel_keys *cancel_keys;
	struct random_store random;
	struct writer requests; /* what is being sent, when it is not the client's own bytes ... */
	struct writer replies;	/* ... or the server's; filled and emptied between two awaits */
	struct set_cache *set_cache; /* NULL: empty */
	struct settings *settings; /* in force here, held */
	struct evdns_base *resolver;
	struct event *tick;
	uint32_t tick_number;

	struct session *sessions; /* all clients here, from accept to close */
	struct cancel *cancels;	  /* under way from here */
	struct walk *walks;	  /* along its sessions, under way */
	struct stats console_stats; /* of those on the console; counted here, read by others */
	atomic_size_t session_count;
	atomic_size_t running_count; /* coroutines, at the last tick */
	atomic_size_t spare_count;
	atomic_bool is_deserted;
	bool has_sleepers; /* a session could not be woken for lack of memory */
	bool has_unfolded; /* a session with TLS may be at rest and not folded yet */
	bool has_doubts;   /* a session at rest may keep a server that it need not keep */
	bool closing;	   /* the process is about to end: no new clients but the console's */
	bool ending;	   /* ... at once: nobody is waited for */
	struct server *undialled; /* could not be started for lack of memory: tried again */
	struct server *unchecked;

	struct worker_inbox inbox;
	atomic_int order; /* enum worker_order */
	struct loop_message order_message;
	atomic_bool order_is_posted;
	enum suspension suspension; /* as this worker has heard of it */
	struct loop_message suspend_message;
	atomic_bool suspend_is_posted;
	struct worker_load load;

	_Atomic int64_t came_round_at;	/* when its loop last turned */
	_Atomic(const char *) doing;	/* for the watchdog: what it has begun ... */
	_Atomic uint64_t doing_for;	/* ... and for which client or server; 0: for none */
	atomic_bool is_stalled;
};

/* Everything but its thread. `worker->all`, `index` and what is shared are set by the caller. False
 * with errno. */
bool worker_init(struct worker *worker);
void worker_release(struct worker *worker);

/* Starts its thread, or, for the first, makes the calling thread its own. False with errno. */
bool worker_start(struct worker *worker);

/* Has the worker take an order, soon. From any thread. */
void worker_give_order(struct worker *worker, enum worker_order order);

/*
 * Writes down for the others how many coroutines it has, and whether it has been told to end and
 * nothing is left. Done at each tick, and by whoever has joined its thread, to know it exactly.
 */
void worker_take_stock(struct worker *worker);

/* Whether it has ended its sessions and coroutines, as of when stock was last taken. */
bool worker_is_deserted(const struct worker *worker);

/* The sessions of all workers. */
size_t worker_total_sessions(const struct worker *worker);

/* Whether this is its thread. */
static inline bool worker_is_here(const struct worker *worker)
{
	return worker->count == 1 || pthread_equal(worker->thread, pthread_self());
}

/* Notes what it is about to do, in case it never gets to the end of it. */
static inline void worker_does(struct worker *worker, const char *what, uint64_t for_whom)
{
	atomic_store_explicit(&worker->doing, what, memory_order_relaxed);
	atomic_store_explicit(&worker->doing_for, for_whom, memory_order_relaxed);
}

#endif
