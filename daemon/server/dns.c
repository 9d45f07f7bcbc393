#include "daemon/server/dns.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/daemon.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/future.h"
#include "daemon/server/soa.h"
#include "daemon/worker.h"
#include "pool/moved.h"

/* A name that nobody has asked for in this time belongs to settings of the past. */
#define FORGET_US INT64_C(86400000000)

/* Somebody who waits for an answer that is under way. */
struct dns_waiter {
	struct future told;
	struct dns_waiter *next;
	struct addresses addresses;
	const char *reason;
};

struct dns_name {
	struct dns_name *next;
	struct dns_zone *zone; /* NULL: it has no dot */
	char *name;
	struct addresses addresses; /* the last good ones, while an answer is `good` */
	struct addresses before;    /* those where its servers may be */
	const char *reason;	    /* why there are none */
	int64_t expires_at;
	int64_t wanted_at;
	bool is_known; /* has been answered at least once */
	bool is_good;
	bool was_half; /* the last answer: it had none of a kind that there was before */
	struct worker *asking; /* NULL: nobody */
	struct coroutine *asker;
	struct dns_waiter *waiters;
};

struct dns_zone {
	struct dns_zone *next;
	atomic_size_t name_count;
	uint32_t serial; /* 0: not known */
	char name[];
};

void dns_init(struct dns *dns)
{
	*dns = (struct dns){0};
	pthread_mutex_init(&dns->lock, NULL);
}

static void name_free(struct dns_name *name)
{
	free(name->name);
	free(name);
}

void dns_release(struct dns *dns)
{
	while (dns->names != NULL) {
		struct dns_name *name = dns->names;
		dns->names = name->next;
		name_free(name);
	}
	while (dns->first_zone != NULL) {
		struct dns_zone *zone = dns->first_zone;
		dns->first_zone = zone->next;
		free(zone);
	}
	pthread_mutex_destroy(&dns->lock);
}

/* --- lists -------------------------------------------------------------------------------- */

static struct dns_zone *find_zone(struct dns *dns, const char *host)
{
	const char *dot = strchr(host, '.');
	struct dns_zone *zone = dns->first_zone;

	if (dot == NULL || dot[1] == '\0')
		return NULL;
	size_t bytes = strlen(dot + 1) + 1;
	while (zone != NULL && strcasecmp(zone->name, dot + 1) != 0)
		zone = zone->next;
	if (zone == NULL && (zone = calloc(1, sizeof *zone + bytes)) != NULL) {
		memcpy(zone->name, dot + 1, bytes);
		zone->next = dns->first_zone;
		dns->first_zone = zone;
		dns->zone_count++;
	}
	return zone;
}

/* A zone stays: it is small, and may be walked along. */
static void forget_old(struct dns *dns, int64_t now)
{
	struct dns_name **link = &dns->names;

	while (*link != NULL) {
		struct dns_name *name = *link;
		if (name->asking != NULL || now - name->wanted_at < FORGET_US) {
			link = &name->next;
			continue;
		}
		*link = name->next;
		dns->name_count--;
		if (name->zone != NULL)
			name->zone->name_count--;
		name_free(name);
	}
}

static struct dns_name *find(struct dns *dns, const char *host)
{
	struct dns_name *name = dns->names;

	while (name != NULL && strcasecmp(name->name, host) != 0)
		name = name->next;
	return name;
}

static struct dns_name *find_or_make(struct dns *dns, const char *host, int64_t now)
{
	struct dns_name *name = find(dns, host);

	if (name != NULL)
		return name;
	forget_old(dns, now);
	if ((name = calloc(1, sizeof *name)) == NULL)
		return NULL;
	if ((name->name = strdup(host)) == NULL) {
		free(name);
		return NULL;
	}
	/* One name however it is written, and one text of it in the log and in SHOW DNS_HOSTS. */
	for (char *c = name->name; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	name->zone = find_zone(dns, name->name);
	if (name->zone != NULL)
		name->zone->name_count++;
	name->next = dns->names;
	dns->names = name;
	dns->name_count++;
	return name;
}

static bool has_address(const struct addresses *addresses, const char *address)
{
	for (size_t i = 0; i < addresses->count; i++)
		if (strcmp(addresses->text[i], address) == 0)
			return true;
	return false;
}

/* --- asking ------------------------------------------------------------------------------- */

/* With the lock held; they are told without it. */
static struct dns_waiter *take_waiters(struct dns_name *name)
{
	struct dns_waiter *waiters = name->waiters;

	for (struct dns_waiter *waiter = waiters; waiter != NULL; waiter = waiter->next) {
		waiter->addresses = name->is_good ? name->addresses : (struct addresses){0};
		waiter->reason = name->reason;
	}
	name->waiters = NULL;
	return waiters;
}

static void tell(struct dns_waiter *waiters)
{
	while (waiters != NULL) {
		struct dns_waiter *waiter = waiters;
		waiters = waiter->next; /* it may be gone as soon as it has been told */
		future_post(&waiter->told);
	}
}

/*
 * Where servers may be after an answer. Those for A and AAAA come apart, and one that has none of a kind may
 * be the half of one, of which the rest was lost: only the second such answer is believed.
 */
static void note_where_they_are(struct dns_name *name, const struct addresses *found)
{
	struct addresses before = name->before;
	bool is_half = false;

	name->before = *found;
	for (size_t i = 0; i < before.count; i++) {
		if (addresses_count(found, address_is_v6(before.text[i])) > 0)
			continue;
		is_half = true;
		if (!name->was_half && name->before.count < RESOLVE_MOST)
			memcpy(name->before.text[name->before.count++], before.text[i],
			       sizeof before.text[i]);
	}
	name->was_half = is_half;
}

/* Servers at addresses that the name has had and has no more. */
static void leave_old_addresses(struct worker *worker, const char *host,
				const struct addresses *before, const struct addresses *now)
{
	for (size_t i = 0; i < before->count; i++) {
		if (now->are_cut || has_address(now, before->text[i]))
			continue;
		log_write(worker->log, LEVEL_LOG, "%s is no longer at %s", host, before->text[i]);
		pools_leave_address(worker->pools, host, before->text[i]);
	}
}

/* With the lock held. `found` is NULL when that failed, for that reason. */
static void note_answer(struct dns_name *name, const struct settings *settings,
			const struct addresses *found, const char *reason)
{
	bool good = found != NULL;

	name->is_known = true;
	name->is_good = good;
	name->reason = reason;
	name->expires_at =
		loop_now() + (good ? settings->dns_max_ttl_us : settings->dns_nxdomain_ttl_us);
	if (good) {
		name->addresses = *found;
		note_where_they_are(name, found);
	}
	name->asking = NULL;
	name->asker = NULL;
}

/* A coroutine of its own, so that whoever has asked first may give up, and the others are answered. */
static void ask_main(void *arg)
{
	struct dns_name *name = arg;
	struct worker *worker = name->asking;
	struct dns *dns = &worker->daemon->dns;
	struct addresses found;
	struct addresses before, after;
	const char *reason = "no address";
	char host[NI_MAXHOST];

	/* Once it is answered, it may be forgotten. */
	snprintf(host, sizeof host, "%s", name->name);
	bool good = await_resolve(&worker->loop, worker->resolver, name->name, &found, &reason,
				  DEADLINE_NEVER);
	if (!good)
		log_write(worker->log, LEVEL_WARNING, "DNS lookup failed: %s: %s", host, reason);
	pthread_mutex_lock(&dns->lock);
	before = name->before;
	note_answer(name, worker->settings, good ? &found : NULL, reason);
	after = name->before;
	dns->asking_count--;
	struct dns_waiter *waiters = take_waiters(name);
	pthread_mutex_unlock(&dns->lock);
	if (good)
		leave_old_addresses(worker, host, &before, &after);
	tell(waiters);
}

/* With the lock held. False without memory. */
static bool ask(struct dns *dns, struct dns_name *name, struct worker *worker)
{
	if (name->asking != NULL)
		return true;
	name->asking = worker;
	name->asker = coroutine_start(&worker->loop, ask_main, name);
	if (name->asker == NULL) {
		name->asking = NULL;
		return false;
	}
	dns->asking_count++;
	return true;
}

/* False: it has been taken out of the list, and will be told. */
static bool leave_list(struct dns *dns, const char *host, const struct dns_waiter *waiter)
{
	pthread_mutex_lock(&dns->lock);
	struct dns_name *name = find(dns, host);
	struct dns_waiter **link = &name->waiters; /* a name that is wanted is not forgotten */
	while (*link != NULL && *link != waiter)
		link = &(*link)->next;
	bool is_there = *link != NULL;
	if (is_there)
		*link = waiter->next;
	pthread_mutex_unlock(&dns->lock);
	return is_there;
}

static bool await_told(struct dns *dns, const char *host, struct dns_waiter *waiter,
		       int64_t deadline)
{
	bool in_time = true;

	while (!waiter->told.is_done) {
		if (await_wake(waiter->told.loop, in_time ? deadline : DEADLINE_NEVER) || !in_time)
			continue;
		if (leave_list(dns, host, waiter))
			return false;
		in_time = false;
	}
	return in_time;
}

bool await_addresses(struct worker *worker, const char *host, struct addresses *addresses,
		     const char **reason, int64_t deadline)
{
	struct dns *dns = &worker->daemon->dns;
	struct dns_waiter waiter = {.told = future_in(&worker->loop)};
	int64_t now = loop_now();

	*reason = "out of memory";
	pthread_mutex_lock(&dns->lock);
	struct dns_name *name = find_or_make(dns, host, now);
	bool is_fresh = name != NULL && name->is_known && now < name->expires_at;
	bool is_asked = name != NULL && !is_fresh && ask(dns, name, worker);
	if (name != NULL)
		name->wanted_at = now;
	if (is_fresh) {
		*addresses = name->is_good ? name->addresses : (struct addresses){0};
		*reason = name->reason;
	} else if (is_asked) {
		waiter.next = name->waiters;
		name->waiters = &waiter;
	}
	pthread_mutex_unlock(&dns->lock);
	if (is_fresh)
		return addresses->count > 0;
	if (!is_asked)
		return false;
	*reason = "the name servers did not answer in time";
	if (!await_told(dns, host, &waiter, deadline))
		return false;
	*addresses = waiter.addresses;
	*reason = waiter.reason;
	return addresses->count > 0;
}

bool dns_has_moved(struct dns *dns, const char *host, const char *address)
{
	pthread_mutex_lock(&dns->lock);
	const struct dns_name *name = find(dns, host);
	bool moved = name != NULL && name->is_good && !name->before.are_cut &&
		     !has_address(&name->before, address);
	pthread_mutex_unlock(&dns->lock);
	return moved;
}

void dns_cancel_all(struct worker *worker)
{
	struct dns *dns = &worker->daemon->dns;

	pthread_mutex_lock(&dns->lock);
	for (struct dns_name *name = dns->names; name != NULL; name = name->next)
		if (name->asking == worker)
			coroutine_cancel(name->asker);
	pthread_mutex_unlock(&dns->lock);
	if (worker->index == 0 && dns->zone_watcher != NULL)
		coroutine_cancel(dns->zone_watcher);
}

/* --- zones -------------------------------------------------------------------------------- */

/* What was known of the zone's names is asked for again. */
static void note_serial(struct worker *first, struct dns_zone *zone, uint32_t serial)
{
	struct dns *dns = &first->daemon->dns;

	pthread_mutex_lock(&dns->lock);
	uint32_t before = zone->serial;
	/* RFC 1982: numbers that come round. */
	bool is_newer = before != 0 && (int32_t)(serial - before) > 0;
	zone->serial = serial;
	for (struct dns_name *name = dns->names; name != NULL && is_newer; name = name->next)
		if (name->zone == zone && name->is_known && ask(dns, name, first))
			name->expires_at = 0;
	pthread_mutex_unlock(&dns->lock);
	if (is_newer)
		log_write(first->log, LEVEL_LOG, "zone '%s' serial changed: old=%u new=%u",
			  zone->name, before, serial);
}

static void zones_main(void *arg)
{
	struct daemon *daemon = arg;
	struct worker *first = daemon->workers;
	struct dns *dns = &daemon->dns;

	pthread_mutex_lock(&dns->lock);
	struct dns_zone *zone = dns->first_zone;
	pthread_mutex_unlock(&dns->lock);
	for (; zone != NULL && !first->ending; zone = zone->next) {
		uint32_t serial;
		if (atomic_load(&zone->name_count) > 0 &&
		    await_zone_serial(first, zone->name, &serial))
			note_serial(first, zone, serial);
	}
	dns->zones_due_at = loop_now() + daemon->settings->dns_zone_check_period_us;
	dns->zone_watcher = NULL;
}

void dns_tick(struct daemon *daemon, int64_t now)
{
	struct dns *dns = &daemon->dns;

	if (daemon->settings->dns_zone_check_period_us == 0 || dns->zone_watcher != NULL ||
	    now < dns->zones_due_at || daemon->state == DAEMON_ENDING)
		return;
	dns->zone_watcher = coroutine_start(&daemon->workers->loop, zones_main, daemon);
}

/* --- looking ------------------------------------------------------------------------------ */

void dns_each_host(struct dns *dns, void (*each)(void *context, const struct dns_host_view *host),
		   void *context)
{
	static const struct addresses none;
	int64_t now = loop_now();

	pthread_mutex_lock(&dns->lock);
	for (const struct dns_name *name = dns->names; name != NULL; name = name->next) {
		int64_t left_us = name->is_known ? name->expires_at - now : 0;
		each(context, &(struct dns_host_view){
				      .name = name->name,
				      .left_us = left_us > 0 ? left_us : 0,
				      .addresses = name->is_good ? &name->addresses : &none,
			      });
	}
	pthread_mutex_unlock(&dns->lock);
}

void dns_each_zone(struct dns *dns, void (*each)(void *context, const struct dns_zone_view *zone),
		   void *context)
{
	pthread_mutex_lock(&dns->lock);
	for (const struct dns_zone *zone = dns->first_zone; zone != NULL; zone = zone->next)
		each(context, &(struct dns_zone_view){
				      .name = zone->name,
				      .serial = zone->serial,
				      .name_count = atomic_load(&zone->name_count),
			      });
	pthread_mutex_unlock(&dns->lock);
}
