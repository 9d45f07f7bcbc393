/* Texts that end in a zero. */
#ifndef MILLPOND_PROTOCOL_TEXT_H
#define MILLPOND_PROTOCOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Whether both are the same text, or both NULL. */
static inline bool text_is_same(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

static inline bool text_is_ascii(const char *text)
{
	while (*text != '\0' && (unsigned char)*text < 0x80)
		text++;
	return *text == '\0';
}

#endif
