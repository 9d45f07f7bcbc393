/*
 * Host names to addresses, by libevent's resolver, which honours /etc/hosts and never blocks.
 */
#ifndef MILLPOND_SERVER_RESOLVE_H
#define MILLPOND_SERVER_RESOLVE_H

#include <event2/dns.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/runtime/loop.h"

/* Twice as many as libevent takes of one kind. */
#define RESOLVE_MOST 64

struct addresses {
	size_t count;
	bool are_cut; /* there may be more */
	char text[RESOLVE_MOST][INET6_ADDRSTRLEN]; /* numeric */
};

/* Whether a numeric address is one of IPv6, and how many of a kind there are. */
bool address_is_v6(const char *text);
size_t addresses_count(const struct addresses *addresses, bool is_v6);

/* A resolver for the loop; `resolv_conf` is "" for the system's. NULL without memory. */
struct evdns_base *resolver_new(struct loop *loop, const char *resolv_conf);
void resolver_free(struct evdns_base *resolver);

/*
 * Finds all addresses of a host name, at most RESOLVE_MOST. False when there are none, or the time
 * is over; `*reason` is then a text that stays valid.
 */
bool await_resolve(struct loop *loop, struct evdns_base *resolver, const char *host,
		   struct addresses *addresses, const char **reason, int64_t deadline);

#endif
