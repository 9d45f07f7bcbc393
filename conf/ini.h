/*
 * Reads an ini file and all that it includes, through inih.
 *
 *	; a comment, only at the start of a line; so is #
 *	[section]
 *	key = value			blanks around both are dropped, all else is kept
 *	'any key' = value		or "any key"; the quote itself is written twice
 *	%include FILE			found from the working directory, else beside this file;
 *					with *, ? or [ every file of such a name, or none
 *
 * Values hold whatever they hold: `;`, `#`, `=`, quotes. There is no continuation of lines. A
 * byte-order mark and carriage returns are skipped.
 *
 * What keys and sections mean is not known here, nor which of them exist.
 */
#ifndef MILLPOND_CONF_INI_H
#define MILLPOND_CONF_INI_H

#include <stdbool.h>

#include "conf/fault.h"

enum {
	INI_INCLUDE_DEPTH = 10,		   /* files within files, as in PgBouncer */
	INI_LINE_BYTES = 256 * 1024,	   /* the longest line */
	INI_FILE_BYTES = 64 * 1024 * 1024, /* the largest file */
};

/* For whoever has written one behind a value. */
#define INI_COMMENT_ADVICE "a comment must stand on a line of its own"

/* A section's header (key and value are NULL) or a pair; valid only during the call. */
struct ini_entry {
	const char *file;
	int line;
	const char *section; /* empty: the pair stands before any section */
	const char *key;
	const char *value;
};

/*
 * Hands each entry to `handle`, in order, with the context, and reports everything that is no ini to
 * `faults`, going on behind it. Returns false if the file itself could not be read at all.
 */
bool ini_read(const char *path, void (*handle)(void *context, const struct ini_entry *entry),
	      void *context, struct fault_list *faults);

#endif
