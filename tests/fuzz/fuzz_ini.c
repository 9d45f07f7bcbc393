/* Any file at all: it is read or refused with a reason, every fault has a place, and nothing leaks. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                               \
	do {                                                          \
		if (!(condition)) {                                   \
			fprintf(stderr, "must be: %s\n", #condition); \
			abort();                                      \
		}                                                     \
	} while (0)

static void must_have_places(const struct fault_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		MUST(list->faults[i].file && *list->faults[i].file);
		MUST(list->faults[i].text && *list->faults[i].text);
		MUST(list->faults[i].line >= 0 && !strpbrk(list->faults[i].text, "\n\r\x1B"));
	}
}

static void ignore_line(void *context, const char *line)
{
	(void)context;
	MUST(line && *line);
}

/* What can be asked of good settings. */
static void use(const struct settings *settings)
{
	struct fault_list faults;
	struct settings *again;
	struct setting_row row;

	for (size_t i = 0; settings_row(settings, i, &row); i++)
		MUST(*row.key);
	for (size_t i = 0; i < settings->database_count; i++) {
		const struct database *database = &settings->databases[i];

		MUST(settings_find_database(settings, database->name) == database);
		MUST(i == 0 || strcmp(database[-1].name, database->name) < 0);
		MUST(settings_min_pool_size(settings, database, NULL) <=
		     settings_pool_size(settings, database, NULL));
	}
	for (size_t i = 0; i < settings->user_count; i++)
		MUST(settings_find_user(settings, settings->users[i].name) == &settings->users[i]);
	must_have_places(&settings->notes);

	fault_list_init(&faults);
	again = settings_reload(settings, &faults, ignore_line, NULL);
	MUST(again && faults.count == 0);
	settings_drop(again);
	fault_list_release(&faults);
}

static char folder[] = "/tmp/millpond-fuzz.XXXXXX";
static char path[sizeof folder + sizeof "/fuzz.ini"];

static void remove_file(void)
{
	unlink(path);
	rmdir(folder);
}

/*
 * In a folder of its own, since what it includes is looked for beside it: a file of memory has this
 * program's own pipes beside it, in /proc/self/fd, and "%include 1" would wait for ever.
 */
static void write_file(const uint8_t *data, size_t size)
{
	if (path[0] == '\0') {
		MUST(mkdtemp(folder));
		snprintf(path, sizeof path, "%s/fuzz.ini", folder);
		atexit(remove_file);
	}
	int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(descriptor >= 0 && write(descriptor, data, size) == (ssize_t)size);
	close(descriptor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fault_list faults;
	struct settings *settings;

	write_file(data, size);
	fault_list_init(&faults);
	settings = settings_load(path, &faults);
	MUST(!settings == (faults.count > 0));
	must_have_places(&faults);
	if (settings)
		use(settings);
	settings_drop(settings);
	fault_list_release(&faults);
	return 0;
}
