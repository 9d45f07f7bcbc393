#include "daemon/relay/portals.h"

#include <stdlib.h>
#include <string.h>

#define MOST_PORTALS 32

static bool is_named(const struct portal *portal, const char *name, size_t length)
{
	return portal->length == length && memcmp(portal->name, name, length) == 0;
}

const struct portal *portals_find(const struct portals *portals, const char *name, size_t length)
{
	const struct portal *portal = portals->newest;

	while (portal != NULL && !is_named(portal, name, length))
		portal = portal->older;
	return portal;
}

static void unlink_portal(struct portals *portals, struct portal **link)
{
	struct portal *portal = *link;

	*link = portal->older;
	portals->count--;
	free(portal);
}

void portals_remove(struct portals *portals, const char *name, size_t length)
{
	struct portal **link = &portals->newest;

	while (*link != NULL && !is_named(*link, name, length))
		link = &(*link)->older;
	if (*link != NULL)
		unlink_portal(portals, link);
}

static void remove_oldest(struct portals *portals)
{
	struct portal **link = &portals->newest;

	while ((*link)->older != NULL)
		link = &(*link)->older;
	unlink_portal(portals, link);
}

bool portals_set(struct portals *portals, const char *name, size_t length, const char *text,
		 size_t text_length)
{
	struct portal *portal = malloc(sizeof *portal + length + text_length + 1);

	if (portal == NULL)
		return false;
	portals_remove(portals, name, length);
	if (portals->count == MOST_PORTALS)
		remove_oldest(portals);
	char *copy = portal->name + length;
	memcpy(portal->name, name, length);
	memcpy(copy, text, text_length);
	copy[text_length] = '\0';
	portal->length = length;
	portal->text = copy;
	portal->text_length = text_length;
	portal->older = portals->newest;
	portals->newest = portal;
	portals->count++;
	return true;
}

void portals_clear(struct portals *portals)
{
	while (portals->newest != NULL)
		unlink_portal(portals, &portals->newest);
}
