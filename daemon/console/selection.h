/*
 * What is left of a table of the console's when somebody asks for a part of it:
 *
 *	SHOW POOLS WHERE database = shop AND cl_waiting > 0 ORDER BY maxwait DESC LIMIT 5
 *
 * and the form in which a client of the extended protocol wants it. Works on the finished messages
 * of a table, so the tables themselves know nothing of it. Pure.
 * Source: PostgreSQL manual, "Message Formats" (RowDescription, DataRow), and the binary forms of
 * int4, int8, text and numeric (src/backend/utils/adt, *send()).
 */
#ifndef MILLPOND_CONSOLE_SELECTION_H
#define MILLPOND_CONSOLE_SELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/failure.h"
#include "protocol/writer.h"

enum { SELECTION_CONDITIONS = 4, SELECTION_ORDERS = 4, SELECTION_NAME_BYTES = 64 };

enum selection_comparison {
	SELECTION_EQUAL,
	SELECTION_UNEQUAL,
	SELECTION_LESS,
	SELECTION_AT_MOST,
	SELECTION_MORE,
	SELECTION_AT_LEAST
};

struct selection {
	/* All must hold. What is NULL fulfils none. */
	size_t condition_count;
	struct selection_condition {
		char column[SELECTION_NAME_BYTES];
		enum selection_comparison comparison;
		char value[256];
	} conditions[SELECTION_CONDITIONS];
	size_t order_count;
	struct selection_order {
		char column[SELECTION_NAME_BYTES];
		bool is_descending;
	} orders[SELECTION_ORDERS];
	int64_t limit; /* -1: none */
};

/* The forms that a Bind asks for: none: text; one: for all columns; else one each. NULL: there is no Bind. */
struct selection_formats {
	const uint16_t *codes; /* 0: text, 1: binary */
	size_t count;
};

/*
 * Writes what is left of a table: of messages from the server that end with a CommandComplete. With formats there
 * is no RowDescription, since Describe asks for that. False: there is no such column, or there was no memory, for
 * this or for the table itself.
 */
bool selection_write(struct writer *writer, const struct writer *table,
		     const struct selection *selection, const struct selection_formats *formats,
		     struct failure *why);

/* Writes a RowDescription again with the formats in it. */
void selection_write_description(struct writer *writer, const char *message,
				 const struct selection_formats *formats);

#endif
