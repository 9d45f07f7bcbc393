/*
 * Where a database is: host, hostaddr and port, each one or a list with commas.
 */
#ifndef MILLPOND_CONF_HOSTS_H
#define MILLPOND_CONF_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

/* False: `why` says what is wrong. Each of the texts may be NULL: it was not given. */
bool hosts_check(const char *host, const char *hostaddr, const char *port, char *why, size_t bytes);

/* How many items such a list has: at least 1. */
unsigned host_list_length(const char *list);

/* The item of a number, from 0, which ends after `length` bytes; where there are fewer items, the last. */
const char *host_list_item(const char *list, unsigned number, size_t *length);

#endif
