/*
 * A result set being written: its RowDescription, then rows that are filled cell by cell. A row is a
 * message of its own, begun by its first cell and ended by its last.
 * Source: PostgreSQL manual, "Message Formats" (RowDescription, DataRow).
 */
#ifndef MILLPOND_CONSOLE_TABLE_H
#define MILLPOND_CONSOLE_TABLE_H

#include <stdint.h>

#include "protocol/writer.h"

struct table {
	struct writer *writer;
	unsigned columns;
	unsigned cells; /* filled, of the present row */
};

/* The heading lists columns as SQL does: "name text, port int4". Types: text, int4, int8,
 * numeric, bytea. */
void table_begin(struct table *table, struct writer *writer, const char *heading);

/* Writes rows only, for a table that was begun elsewhere with the same heading. */
void table_continue(struct table *table, struct writer *writer, const char *heading);

/* The next cell; NULL is SQL's. */
void table_text(struct table *table, const char *text);
void table_number(struct table *table, int64_t number);
__attribute__((format(printf, 2, 3))) void table_format(struct table *table, const char *format,
							...);

#endif
