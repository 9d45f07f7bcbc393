#include "conf/repeats.h"

#include <stdlib.h>
#include <string.h>

#include "conf/array.h"
#include "conf/fault.h"
#include "conf/loader.h"
#include "conf/memory.h"
#include "conf/sort.h"

/* A pair of the ini; the name stands first for sort_by_name(). */
struct entry {
	const char *name;
	const struct pair *pair;
	const struct pair **earlier; /* those of the same name */
	size_t earlier_count;
};

_Static_assert(offsetof(struct entry, name) == 0,
	       "entries are sorted by what stands first in them");

static void note_earlier(void *item, void *next)
{
	const struct entry *entry = item;
	struct entry *next_entry = next;

	next_entry->earlier =
		memory_grow(entry->earlier, entry->earlier_count, sizeof(*entry->earlier));
	next_entry->earlier[entry->earlier_count] = entry->pair;
	next_entry->earlier_count = entry->earlier_count + 1;
}

static void note_entries(struct settings *settings, const char *section, const char *what)
{
	struct entry *entries = memory_zeroed((settings->pair_count + 1) * sizeof(*entries));
	size_t count = 0;

	for (size_t i = 0; i < settings->pair_count; i++) {
		const struct pair *pair = &settings->pairs[i];
		if (pair->key && strcmp(pair->section, section) == 0)
			entries[count++] = (struct entry){.name = pair->key, .pair = pair};
	}
	entries = sort_by_name(entries, &count, sizeof(*entries), note_earlier);
	for (size_t i = 0; i < count; i++) {
		const struct entry *entry = &entries[i];
		for (size_t j = 0; j < entry->earlier_count; j++)
			fault_add(
				&settings->notes, entry->pair->file, entry->pair->line,
				"%s \"%.80s\" has an entry again; the one of %s:%d does not count",
				what, entry->name, entry->earlier[j]->file,
				entry->earlier[j]->line);
		free(entry->earlier);
	}
	free(entries);
}

void settings_note_repeats(struct settings *settings)
{
	static const struct {
		const char *section, *what;
	} sections[] = {{"databases", "database"}, {"users", "user"}, {"peers", "peer"}};
	const struct auth_users *users = &settings->auth_users;

	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		note_entries(settings, sections[i].section, sections[i].what);
	for (size_t i = 0; i < users->count; i++) {
		const struct auth_user *user = &users->users[i];
		for (size_t j = 0; j < user->earlier_count; j++)
			fault_add(&settings->notes, users->path, user->line,
				  "user \"%.80s\" is listed again; line %d does not count",
				  user->name, user->earlier_lines[j]);
	}
}
