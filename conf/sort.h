/*
 * Arrays of what has a name: sorted, and each name once.
 */
#ifndef MILLPOND_CONF_SORT_H
#define MILLPOND_CONF_SORT_H

#include <stddef.h>

/*
 * Brings the items, each of which begins with its name (a char *), into the order of their names and
 * keeps the last of each name; `drop` is called for the others, with the next of the same name, and releases them.
 * Returns the new array, and frees the old one.
 */
void *sort_by_name(void *items, size_t *count, size_t bytes, void (*drop)(void *item, void *next));

/* The item of that name in an array that sort_by_name() has made; or NULL. */
const void *find_by_name(const char *name, const void *items, size_t count, size_t bytes);

#endif
