/* Any file at all: it is read or refused with a reason, every fault has a place, and nothing leaks. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int descriptor = memfd_create("fuzz.ini", MFD_CLOEXEC);
	struct fault_list faults;
	struct settings *settings;
	char path[64];

	MUST(descriptor >= 0 && write(descriptor, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
	fault_list_init(&faults);
	settings = settings_load(path, &faults);
	MUST(!settings == (faults.count > 0));
	must_have_places(&faults);
	if (settings)
		use(settings);
	settings_drop(settings);
	fault_list_release(&faults);
	close(descriptor);
	return 0;
}
