/* SHOW DNS_HOSTS and DNS_ZONES: what has been found out about host names. */
#include <stdio.h>

#include "daemon/console/show.h"
#include "daemon/daemon.h"
#include "daemon/server/dns.h"
#include "daemon/session.h"
#include "daemon/worker.h"

/* With the port that PgBouncer shows behind each, which is always 0. */
static void put_addresses(struct table *table, const struct addresses *addresses)
{
	char text[RESOLVE_MOST * (INET6_ADDRSTRLEN + 8)] = "";
	size_t length = 0;

	for (size_t i = 0; i < addresses->count; i++) {
		bool is_v6 = address_is_v6(addresses->text[i]);
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%s%s%s:0",
					   i > 0 ? "," : "", is_v6 ? "[" : "", addresses->text[i],
					   is_v6 ? "]" : "");
	}
	table_text(table, text);
}

static void put_host(void *context, const struct dns_host_view *host)
{
	struct table *table = context;

	table_text(table, host->name);
	table_number(table, host->left_us / 1000000);
	put_addresses(table, host->addresses);
}

static void put_zone(void *context, const struct dns_zone_view *zone)
{
	struct table *table = context;

	table_text(table, zone->name);
	table_number(table, zone->serial);
	table_number(table, (int64_t)zone->name_count);
}

static void host_rows(struct table *table, struct worker *here)
{
	dns_each_host(&here->daemon->dns, put_host, table);
}

static void zone_rows(struct table *table, struct worker *here)
{
	dns_each_zone(&here->daemon->dns, put_zone, table);
}

const struct show show_dns_hosts = {"DNS_HOSTS", "hostname text, ttl int8, addrs text", host_rows,
				    NULL};
const struct show show_dns_zones = {"DNS_ZONES", "zonename text, serial int8, count int4",
				    zone_rows, NULL};
