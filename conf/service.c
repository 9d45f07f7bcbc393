#include "conf/service.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/memory.h"

/* Where libpq looks that PGSYSCONFDIR does not lead elsewhere; the build knows better. */
#ifndef LIBPQ_SYSCONFDIR
#define LIBPQ_SYSCONFDIR "/etc/postgresql-common"
#endif

struct search {
	const char *name;
	void (*handle)(void *context, const struct ini_entry *pair);
	void *context;
	unsigned found; /* groups of that name, of which the first counts */
};

static void hand_on(void *context, const struct ini_entry *entry)
{
	struct search *search = context;

	if (strcmp(entry->section, search->name) != 0)
		return;
	if (!entry->key)
		search->found++;
	else if (search->found == 1)
		search->handle(search->context, entry);
}

static void search_file(struct search *search, const char *folder, const char *name,
			struct fault_list *faults)
{
	char *path = text_format("%s/%s", folder, name);

	if (access(path, F_OK) == 0)
		ini_read(path, hand_on, search, faults);
	free(path);
}

bool service_read(const char *name, void (*handle)(void *context, const struct ini_entry *pair),
		  void *context, struct fault_list *faults)
{
	struct search search = {.name = name, .handle = handle, .context = context};
	const char *file = getenv("PGSERVICEFILE");
	const char *home = getenv("HOME");
	const char *folder = getenv("PGSYSCONFDIR");

	if (file)
		ini_read(file, hand_on, &search, faults);
	else if (home)
		search_file(&search, home, ".pg_service.conf", faults);
	if (!search.found)
		search_file(&search, folder ? folder : LIBPQ_SYSCONFDIR, "pg_service.conf", faults);
	return search.found;
}
