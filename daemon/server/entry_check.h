/*
 * Whether servers can be logged in to as the entries of [databases] ask for it: with the libpq that runs here, or
 * without it.
 */
#ifndef MILLPOND_SERVER_ENTRY_CHECK_H
#define MILLPOND_SERVER_ENTRY_CHECK_H

#include <stdbool.h>

#include "conf/fault.h"
#include "conf/settings.h"

/* False: there are entries with which they cannot, and `faults` names them. */
bool entries_check(const struct settings *settings, struct fault_list *faults);

#endif
