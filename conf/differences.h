/*
 * What will be different for a file that was written for PgBouncer.
 */
#ifndef MILLPOND_CONF_DIFFERENCES_H
#define MILLPOND_CONF_DIFFERENCES_H

#include <stdio.h>

#include "conf/settings.h"

/*
 * Prints one line for each difference that concerns the file: by what it sets, and by what it leaves to
 * defaults that are others here. Nothing if it has no [pgbouncer] section.
 */
void settings_describe_differences(const struct settings *settings, FILE *stream);

#endif
