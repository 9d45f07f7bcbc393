#include "conf/hosts.h"

#include <stdio.h>
#include <string.h>

#include "conf/value.h"

unsigned host_list_length(const char *list)
{
	unsigned length = 1;

	while ((list = strchr(list, ','))) {
		length++;
		list++;
	}
	return length;
}

const char *host_list_item(const char *list, unsigned number, size_t *length)
{
	while (number-- > 0 && strchr(list, ','))
		list = strchr(list, ',') + 1;
	*length = strcspn(list, ",");
	return list;
}

static bool has_empty_item(const char *list)
{
	size_t length = strlen(list);

	return length == 0 || list[0] == ',' || list[length - 1] == ',' || strstr(list, ",,");
}

static bool is_port(const char *text, size_t length)
{
	char copy[8];
	int port;

	if (length >= sizeof(copy) || memchr(text, 'x', length) || memchr(text, 'X', length))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	text = value_without_zeros(copy); /* as libpq reads it */
	return value_read_int(text, 1, 65535, &port) && *text >= '1';
}

static bool ports_check(const char *ports, char *why, size_t bytes)
{
	for (;;) {
		size_t length = strcspn(ports, ",");

		if (!is_port(ports, length)) {
			snprintf(why, bytes,
				 "invalid port \"%.*s\"; a port is a number from 1 to 65535",
				 length < 40 ? (int)length : 40, ports);
			return false;
		}
		if (!ports[length])
			return true;
		ports += length + 1;
	}
}

bool hosts_check(const char *host, const char *hostaddr, const char *port, char *why, size_t bytes)
{
	unsigned hosts = host ? host_list_length(host) : 1;

	if (host && has_empty_item(host)) {
		snprintf(why, bytes, "an item of the list of hosts is empty%s",
			 *host && host[strlen(host) - 1] == ',' ?
				 "; blanks stand between keys, not commas" :
				 "");
		return false;
	}
	if (hostaddr && (hosts > 1 || strchr(hostaddr, ','))) {
		snprintf(why, bytes,
			 "hostaddr cannot be used with a list; write the addresses as host");
		return false;
	}
	if (!port)
		return true;
	if (!ports_check(port, why, bytes))
		return false;
	if (host_list_length(port) != 1 && host_list_length(port) != hosts) {
		snprintf(why, bytes,
			 "there are %u ports for %u %s; give one for all, or one each",
			 host_list_length(port), hosts, hosts == 1 ? "host" : "hosts");
		return false;
	}
	return true;
}
