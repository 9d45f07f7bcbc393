/*
 * A list of entries by age, which may be in a hash table as well: each begins with a struct aged. The entries
 * belong to the caller. A list begins as zeros.
 *
 *	for (struct name *name = list->oldest; name != NULL; name = name->aged.newer)
 */
#ifndef MILLPOND_PROTOCOL_AGE_LIST_H
#define MILLPOND_PROTOCOL_AGE_LIST_H

#include <stddef.h>

#include "protocol/hash_table.h"

struct aged {
	struct hash_link link;
	void *newer; /* the entries next to it in the list; or NULL */
	void *older;
};

struct age_list {
	void *oldest; /* entries; NULL: there are none */
	void *newest;
};

/* Adds an entry, which is in no list, as the newest. */
static inline void age_list_add(struct age_list *list, struct aged *entry)
{
	struct aged *newest = list->newest;

	entry->newer = NULL;
	entry->older = newest;
	*(newest != NULL ? &newest->newer : &list->oldest) = entry;
	list->newest = entry;
}

/* Takes out an entry, which is in the list. */
static inline void age_list_remove(struct age_list *list, const struct aged *entry)
{
	struct aged *newer = entry->newer;
	struct aged *older = entry->older;

	*(newer != NULL ? &newer->older : &list->newest) = older;
	*(older != NULL ? &older->newer : &list->oldest) = newer;
}

/* Makes an entry, which is in the list, the newest: it is being used. */
static inline void age_list_touch(struct age_list *list, struct aged *entry)
{
	age_list_remove(list, entry);
	age_list_add(list, entry);
}

#endif
