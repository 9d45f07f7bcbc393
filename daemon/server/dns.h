/*
 * What has been found out about host names, shared by all workers: an answer holds for dns_max_ttl, a
 * failure for dns_nxdomain_ttl, and what several want to know at once is asked once. When an address
 * of a name is no longer one, the servers there are not lent again, as after a failover; one of a kind that has
 * none at all any more counts until the second such answer. With
 * dns_zone_check_period the serial numbers of the names' zones are watched, and after a change all
 * names of a zone are asked for again.
 *
 * Its lock is held for look-ups in lists only, never across an await.
 */
#ifndef MILLPOND_SERVER_DNS_H
#define MILLPOND_SERVER_DNS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/server/resolve.h"

struct coroutine;
struct daemon;
struct worker;

struct dns {
	pthread_mutex_t lock;
	struct dns_name *names;
	struct dns_zone *first_zone;
	atomic_size_t name_count;
	atomic_size_t zone_count;
	atomic_size_t asking_count;
	int64_t zones_due_at;	     /* the main thread's */
	struct coroutine *zone_watcher; /* also: looks after them at the moment */
};

void dns_init(struct dns *dns);
void dns_release(struct dns *dns);

/*
 * As await_resolve(): the addresses of a host name, from what is known or by asking for them. False:
 * there are none, or the time is over, or the wait was cancelled.
 */
bool await_addresses(struct worker *worker, const char *host, struct addresses *addresses,
		     const char **reason, int64_t deadline);

/* Whether a name has had another address than that for some time, for a connection that was made with
 * an old answer. */
bool dns_has_moved(struct dns *dns, const char *host, const char *address);

/* In the main thread, now and then: looks after the zones. */
void dns_tick(struct daemon *daemon, int64_t now);

/* In the worker's thread: what it has asked for is not waited for any more. */
void dns_cancel_all(struct worker *worker);

/* What is known of a name, and of a zone of names, as SHOW has it. */
struct dns_host_view {
	const char *name;
	int64_t left_us; /* for which its last answer is still believed; 0: it is not */
	const struct addresses *addresses; /* none of them, unless that answer was good */
};
struct dns_zone_view {
	const char *name;
	uint32_t serial;   /* 0: not known */
	size_t name_count; /* of names in it */
};

/* Calls `each` for all of them, under the lock. */
void dns_each_host(struct dns *dns, void (*each)(void *context, const struct dns_host_view *host),
		   void *context);
void dns_each_zone(struct dns *dns, void (*each)(void *context, const struct dns_zone_view *zone),
		   void *context);

#endif
