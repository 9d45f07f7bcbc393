/*
 * Which of a client's portals come to run a PREPARE or DEALLOCATE, and its text. They are few, and most often run
 * at once, so they are a list; of too many the oldest are forgotten, and what they do is not followed.
 * Belongs to the client. Its other portals are not here.
 */
#ifndef MILLPOND_RELAY_PORTALS_H
#define MILLPOND_RELAY_PORTALS_H

#include <stdbool.h>
#include <stddef.h>

struct portal {
	struct portal *older;
	size_t length; /* of its name */
	size_t text_length;
	const char *text; /* ends in a zero */
	char name[];
};

struct portals {
	struct portal *newest; /* NULL: there are none */
	size_t count;
};

/* The portal comes to run that text, instead of what it ran before. False without memory. */
bool portals_set(struct portals *portals, const char *name, size_t length, const char *text,
		 size_t text_length);

/* NULL: none of that name. */
const struct portal *portals_find(const struct portals *portals, const char *name, size_t length);

/* It has run, or been closed, or runs something else. There need be none of that name. */
void portals_remove(struct portals *portals, const char *name, size_t length);
void portals_clear(struct portals *portals);

#endif
