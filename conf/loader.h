/*
 * Builds settings from the pairs of an ini file. A part of conf/settings: here is what the keys
 * mean, there what can be asked of the result.
 */
#ifndef MILLPOND_CONF_LOADER_H
#define MILLPOND_CONF_LOADER_H

#include "conf/settings.h"

/* Fills zeroed settings; what is wrong goes to `faults`. */
void settings_fill(struct settings *settings, const char *path, struct fault_list *faults);

#endif
