/*
 * Builds settings from the pairs of an ini file. A part of conf/settings: here is what the keys
 * mean, there what can be asked of the result.
 */
#ifndef MILLPOND_CONF_LOADER_H
#define MILLPOND_CONF_LOADER_H

#include "conf/settings.h"

/* A pair or a section's header of the ini: see struct ini_entry. All texts are the pair's own. */
struct pair {
	char *file;
	int line; /* 0: it is no line of a file, but was SET */
	char *section;
	char *key; /* NULL: a header */
	char *value;
};

/* Fills zeroed settings from a file; what is wrong goes to `faults`. */
void settings_fill(struct settings *settings, const char *path, struct fault_list *faults);

/* Fills zeroed settings from the pairs of others, with one setting more. */
void settings_refill(struct settings *settings, const struct settings *from, const char *name,
		     const char *value, struct fault_list *faults);

/* The pair that sets it, of several the last; NULL: it is not set. */
const struct pair *settings_pair(const struct settings *settings, const char *name);

/* The line of [databases] that is an entry's, of several the last. */
const struct pair *settings_database_pair(const struct settings *settings, const struct database *database);

void settings_release_pairs(struct settings *settings);

#endif
