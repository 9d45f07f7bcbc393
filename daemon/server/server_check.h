/*
 * Whether servers can be logged in to as the settings and the entries of [databases] ask for it: with the OpenSSL
 * and the libpq that run here, or without the latter.
 */
#ifndef MILLPOND_SERVER_SERVER_CHECK_H
#define MILLPOND_SERVER_SERVER_CHECK_H

#include <stdbool.h>

#include "conf/fault.h"
#include "conf/settings.h"

/* False: there are some with which they cannot, and `faults` names them. */
bool servers_check(const struct settings *settings, struct fault_list *faults);

#endif
