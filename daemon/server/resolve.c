#include "daemon/server/resolve.h"

#include <arpa/inet.h>
#include <event2/util.h>
#include <string.h>

#include "daemon/runtime/coroutine.h"

/* What libevent's resolver takes of one kind, A or AAAA. */
#define MOST_OF_A_KIND 32

struct lookup {
	struct coroutine *waiter;
	struct addresses *addresses;
	int failure;
	bool done;
};

struct evdns_base *resolver_new(struct loop *loop, const char *resolv_conf)
{
	struct evdns_base *resolver =
		evdns_base_new(loop->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (resolver == NULL)
		return NULL;
	/* Without these files names fail one by one, which is when it is time to say so. */
	evdns_base_resolv_conf_parse(resolver, DNS_OPTIONS_ALL,
				     resolv_conf[0] == '\0' ? "/etc/resolv.conf" : resolv_conf);
	return resolver;
}

void resolver_free(struct evdns_base *resolver)
{
	if (resolver != NULL)
		evdns_base_free(resolver, 1);
}

static void add_address(struct addresses *addresses, const struct sockaddr *address)
{
	char *text = addresses->text[addresses->count];
	const char *done = NULL;

	if (address->sa_family == AF_INET)
		done = inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, text,
				 INET6_ADDRSTRLEN);
	else if (address->sa_family == AF_INET6)
		done = inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text,
				 INET6_ADDRSTRLEN);
	if (done != NULL)
		addresses->count++;
}

bool address_is_v6(const char *text)
{
	return strchr(text, ':') != NULL;
}

size_t addresses_count(const struct addresses *addresses, bool is_v6)
{
	size_t count = 0;

	for (size_t i = 0; i < addresses->count; i++)
		count += address_is_v6(addresses->text[i]) == is_v6;
	return count;
}

static void lookup_done(int failure, struct evutil_addrinfo *found, void *arg)
{
	struct lookup *lookup = arg;

	lookup->failure = failure;
	for (const struct evutil_addrinfo *at = found; at != NULL; at = at->ai_next)
		if (lookup->addresses->count < RESOLVE_MOST)
			add_address(lookup->addresses, at->ai_addr);
	lookup->addresses->are_cut = addresses_count(lookup->addresses, false) >= MOST_OF_A_KIND ||
				     addresses_count(lookup->addresses, true) >= MOST_OF_A_KIND;
	if (found != NULL)
		evutil_freeaddrinfo(found);
	lookup->done = true;
	coroutine_wake(lookup->waiter);
}

bool await_resolve(struct loop *loop, struct evdns_base *resolver, const char *host,
		   struct addresses *addresses, const char **reason, int64_t deadline)
{
	struct lookup lookup = {.waiter = coroutine_current(loop), .addresses = addresses};
	struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

	*addresses = (struct addresses){0};
	struct evdns_getaddrinfo_request *request =
		evdns_getaddrinfo(resolver, host, NULL, &hints, lookup_done, &lookup);
	bool in_time = true;
	while (!lookup.done) {
		if (await_wake(loop, in_time ? deadline : DEADLINE_NEVER) || !in_time)
			continue;
		/* The answer to a cancelled look-up comes too, and must find its coroutine. */
		in_time = false;
		if (!lookup.done)
			evdns_getaddrinfo_cancel(request);
	}
	if (!in_time)
		*reason = "the name servers did not answer in time";
	else if (lookup.failure != 0 || addresses->count == 0)
		*reason = evutil_gai_strerror(lookup.failure);
	return in_time && lookup.failure == 0 && addresses->count > 0;
}
