/*
 * The value of a line in [databases] or [users]: pairs as in a connection string of libpq.
 *
 *	host=10.0.0.1 port = 5432  connect_query='select ''a b'''
 *
 * Blanks separate pairs; a value with blanks is quoted, and a quote in it written twice. As in
 * PgBouncer, a backslash is a backslash.
 */
#ifndef MILLPOND_CONF_CONNSTRING_H
#define MILLPOND_CONF_CONNSTRING_H

#include <stdbool.h>
#include <stddef.h>

struct connstring {
	char *text; /* a copy, which is unquoted in place ... */
	size_t bytes; /* ... and was that long */
	char *next;

	/* The pair that connstring_next() found, valid until the next call. */
	const char *key;
	const char *value;

	/* What is wrong, when connstring_next() has returned false for that; never with a value. */
	const char *wrong;
	size_t where; /* 1-based: the character it was noticed at */
};

void connstring_init(struct connstring *cursor, const char *text);

/* Goes to the next pair; false: there is none, or something is wrong. */
bool connstring_next(struct connstring *cursor);

/* Wipes the copy. */
void connstring_release(struct connstring *cursor);

#endif
