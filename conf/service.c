#include "conf/service.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/memory.h"
#include "conf/source.h"

/* Where libpq looks that PGSYSCONFDIR does not lead elsewhere; the build knows better. */
#ifndef LIBPQ_SYSCONFDIR
#define LIBPQ_SYSCONFDIR "/etc/postgresql-common"
#endif

struct search {
	const char *name;
	void (*handle)(void *context, const struct ini_entry *pair);
	void *context;
	struct fault_list *faults;
	bool is_found; /* the group of that name, of which the first counts */
	char **keys;   /* that it has had */
	size_t key_count;
};

static bool is_header_of(const char *line, const char *name)
{
	size_t length = strlen(name);

	return *line == '[' && strncmp(line + 1, name, length) == 0 && line[length + 1] == ']';
}

static bool note_key(struct search *search, const char *key)
{
	for (size_t i = 0; i < search->key_count; i++) {
		if (strcmp(search->keys[i], key) == 0)
			return false;
	}
	search->keys = memory_grow(search->keys, search->key_count, sizeof(char *));
	search->keys[search->key_count++] = text_copy(key);
	return true;
}

static void forget_keys(struct search *search)
{
	while (search->key_count > 0)
		free(search->keys[--search->key_count]);
	free(search->keys);
}

static void read_pair(struct search *search, const struct source *source, char *line)
{
	struct ini_entry pair = {.file = source_file_name(source),
				 .line = source_line(source),
				 .section = search->name,
				 .key = line};
	char *equals = strchr(line, '=');

	if (!equals) {
		fault_add(search->faults, pair.file, pair.line,
			  "service \"%.80s\": a line must be \"keyword=value\"; there is no \"=\"",
			  search->name);
		return;
	}
	*equals = '\0';
	pair.value = equals + 1;
	if (note_key(search, pair.key))
		search->handle(search->context, &pair);
}

/* What stands outside the group need not be understood. */
static void read_group(struct search *search, struct source *source)
{
	char *line;

	while (!search->is_found && (line = source_next_line(source)))
		search->is_found = is_header_of(line, search->name);
	while (search->is_found && (line = source_next_line(source)) && *line != '[') {
		if (*line && *line != '#')
			read_pair(search, source, line);
	}
}

static void read_file(struct search *search, const char *path)
{
	struct source source;
	const char *wrong = source_open(&source, path, search->faults);

	if (wrong) {
		fault_add(search->faults, path, 0, "cannot be read: %s", wrong);
		return;
	}
	read_group(search, &source);
	source_release(&source);
}

static void read_file_in(struct search *search, const char *folder, const char *name)
{
	char *path = text_format("%s/%s", folder, name);

	if (access(path, F_OK) == 0)
		read_file(search, path);
	free(path);
}

bool service_read(const char *name, void (*handle)(void *context, const struct ini_entry *pair),
		  void *context, struct fault_list *faults)
{
	struct search search = {
		.name = name, .handle = handle, .context = context, .faults = faults};
	const char *file = getenv("PGSERVICEFILE");
	const char *home = getenv("HOME");
	const char *folder = getenv("PGSYSCONFDIR");

	if (file)
		read_file(&search, file);
	else if (home)
		read_file_in(&search, home, ".pg_service.conf");
	if (!search.is_found)
		read_file_in(&search, folder ? folder : LIBPQ_SYSCONFDIR, "pg_service.conf");
	forget_keys(&search);
	return search.is_found;
}
