/*
 * Checks where a database is: host, hostaddr and port, each one or a list with commas.
 */
#ifndef MILLPOND_CONF_HOSTS_H
#define MILLPOND_CONF_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

/* False: `why` says what is wrong. Each of the texts may be NULL: it was not given. */
bool hosts_check(const char *host, const char *hostaddr, const char *port, char *why, size_t bytes);

#endif
