/*
 * The `$1` of a console command, and what is put in their place. They stand outside of quotes, as in
 * SQL, and a value becomes a quoted word of the console's language. Pure.
 */
#ifndef MILLPOND_CONSOLE_PLACEHOLDER_H
#define MILLPOND_CONSOLE_PLACEHOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/writer.h"

struct placeholder_value {
	const char *bytes; /* NULL: SQL's NULL, which becomes an empty word */
	size_t length;
	char number[24]; /* the text of a binary one */
};

/* The highest number of a placeholder in the text. */
size_t placeholders_count(const char *text);

/* Makes text of a value in a client's binary form; only whole numbers are not text already. */
void placeholder_read_binary(struct placeholder_value *value, uint32_t type);

/* Writes the text, and a terminating zero, with the values: as many as placeholders_count() says. */
void placeholders_fill(struct writer *writer, const char *text,
		       const struct placeholder_value *values);

#endif
