/*
 * libpq's file of services: PGSERVICEFILE or ~/.pg_service.conf, and else pg_service.conf in PGSYSCONFDIR, or in
 * libpq's own folder. It is read as libpq does: one group of it, and no more than its lines. What the keywords mean
 * is not known here.
 * Source: PostgreSQL manual, "The Connection Service File".
 */
#ifndef MILLPOND_CONF_SERVICE_H
#define MILLPOND_CONF_SERVICE_H

#include <stdbool.h>

#include "conf/fault.h"
#include "conf/ini.h"

/*
 * Hands each pair of a service to `handle`, in order, with the context; of a key that is given twice, the first. A line
 * that is no pair is a fault. False: there is no such service, or a file cannot be read, which is a fault then.
 */
bool service_read(const char *name, void (*handle)(void *context, const struct ini_entry *pair),
		  void *context, struct fault_list *faults);

#endif
