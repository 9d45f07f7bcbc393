/*
 * The databases that are paused by their names, whether or not they have pools yet. Part of struct pools,
 * and under its lock.
 */
#ifndef MILLPOND_POOL_PAUSES_H
#define MILLPOND_POOL_PAUSES_H

#include <stdbool.h>

struct settings;

struct pauses {
	struct pause *first;
};

/* False without memory. Twice is as good as once. */
bool pauses_add(struct pauses *pauses, const char *database_name);

/* Whether it is one of them; of NULL, whether there are any. */
bool pauses_have(const struct pauses *pauses, const char *database_name);

/* Takes one, or with NULL all of them, away. Whether it was there. */
bool pauses_remove(struct pauses *pauses, const char *database_name);

/* Takes those away that the settings do not have, not even by "*". */
void pauses_remove_strangers(struct pauses *pauses, const struct settings *settings);

#endif
