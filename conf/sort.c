#include "conf/sort.h"

#include <stdlib.h>
#include <string.h>

#include "conf/memory.h"

/* Compares items by name, and equal names by their place in the array. */
static int compare_items(const void *one, const void *other)
{
	const char *const *const *item = one, *const *const *other_item = other;
	int order = strcmp(**item, **other_item);

	return order ? order : (*item > *other_item) - (*item < *other_item);
}

void *sort_by_name(void *items, size_t *count, size_t bytes, void (*drop)(void *item, void *next))
{
	char **order = memory_zeroed(*count * sizeof(*order));
	char *sorted = memory_zeroed(*count * bytes);
	size_t kept = 0;

	for (size_t i = 0; i < *count; i++)
		order[i] = (char *)items + i * bytes;
	qsort(order, *count, sizeof(*order), compare_items);
	for (size_t i = 0; i < *count; i++) {
		if (i + 1 < *count && strcmp(*(char **)order[i], *(char **)order[i + 1]) == 0)
			drop(order[i], order[i + 1]);
		else
			memcpy(sorted + kept++ * bytes, order[i], bytes);
	}
	*count = kept;
	free(order);
	free(items);
	return sorted;
}

static int compare_name(const void *name, const void *item)
{
	return strcmp(name, *(char *const *)item);
}

const void *find_by_name(const char *name, const void *items, size_t count, size_t bytes)
{
	return count == 0 ? NULL : bsearch(name, items, count, bytes, compare_name);
}
