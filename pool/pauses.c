#include "pool/pauses.h"

#include <stdlib.h>
#include <string.h>

#include "conf/settings.h"

struct pause {
	struct pause *next;
	char database_name[];
};

static bool is_meant(const struct pause *pause, const char *database_name)
{
	return database_name == NULL || strcmp(pause->database_name, database_name) == 0;
}

bool pauses_have(const struct pauses *pauses, const char *database_name)
{
	const struct pause *pause = pauses->first;

	while (pause != NULL && !is_meant(pause, database_name))
		pause = pause->next;
	return pause != NULL;
}

bool pauses_add(struct pauses *pauses, const char *database_name)
{
	size_t bytes = strlen(database_name) + 1;

	if (pauses_have(pauses, database_name))
		return true;
	struct pause *pause = malloc(sizeof *pause + bytes);
	if (pause == NULL)
		return false;
	memcpy(pause->database_name, database_name, bytes);
	pause->next = pauses->first;
	pauses->first = pause;
	return true;
}

static void unlink_pause(struct pause **link)
{
	struct pause *pause = *link;

	*link = pause->next;
	free(pause);
}

bool pauses_remove(struct pauses *pauses, const char *database_name)
{
	struct pause **link = &pauses->first;
	bool was_there = false;

	while (*link != NULL) {
		if (!is_meant(*link, database_name)) {
			link = &(*link)->next;
			continue;
		}
		unlink_pause(link);
		was_there = true;
	}
	return was_there;
}

void pauses_remove_strangers(struct pauses *pauses, const struct settings *settings)
{
	struct pause **link = &pauses->first;

	while (*link != NULL) {
		if (settings_find_database(settings, (*link)->database_name) == NULL)
			unlink_pause(link);
		else
			link = &(*link)->next;
	}
}
