/*
 * The keywords of libpq that may stand in [databases] beside our own: which make sense for a
 * pooler's server connections, and why the others do not. Whether the libpq at hand knows a keyword
 * is not known here.
 */
#ifndef MILLPOND_CONF_KEYWORD_H
#define MILLPOND_CONF_KEYWORD_H

#include <stdbool.h>
#include <stddef.h>

struct keyword {
	const char *name;
	const char *refusal; /* why it cannot be used; NULL: it can */
	/* All words that it can be, ending with NULL; a list without any stands for a whole number, NULL for anything. */
	const char *const *values;
};

/* What target_session_attrs asks for. */
enum server_type {
	SERVER_ANY,
	SERVER_READ_WRITE,
	SERVER_READ_ONLY,
	SERVER_PRIMARY,
	SERVER_STANDBY,
	SERVER_PREFER_STANDBY, /* any, if there is none */
};

/* By these names, which end with NULL. */
extern const char *const server_type_names[];

/* NULL: libpq 12 to 18 know no such keyword, or it is one of our own. */
const struct keyword *keyword_find(const char *name);

/* Whether it can have the value, as far as that is known here; and what it can, as `one of "a", "b"`. */
bool keyword_can_be(const struct keyword *keyword, const char *value);
void keyword_describe(const struct keyword *keyword, char *text, size_t size);

/* The keyword at an index; NULL: there are no more. */
const struct keyword *keyword_at(size_t index);

/* The libpq that has it first; 0: all do from 12 on. */
int keyword_since(const char *name);

/* Whether only libpq can do what a keyword of it asks for. */
bool keyword_needs_libpq(const char *keyword, const char *value);

#endif
