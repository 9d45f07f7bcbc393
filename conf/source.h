/*
 * The lines of a file and of those that it includes, as one stream. A part of conf/ini: here are
 * files, lines and numbers, there what a line says.
 */
#ifndef MILLPOND_CONF_SOURCE_H
#define MILLPOND_CONF_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "conf/fault.h"
#include "conf/ini.h"

struct source_file {
	char *name; /* as it was opened, for messages */
	dev_t device;
	ino_t inode;
	char *text; /* the whole file, and a NUL behind it */
	char *next; /* the start of the next line */
	char *end;
	int line; /* number of the line that was read last, or of the first one of those joined */
	int continuations; /* lines behind that one which were joined to it */
	bool is_list; /* no file: what a pattern stands for, in the line that has it */
};

/* What is blank in the files of PostgreSQL, where a form feed is a part of a word. */
#define RECORD_BLANKS " \t\r"

/* The innermost file is the last one. */
struct source {
	struct source_file files[INI_INCLUDE_DEPTH + 1];
	size_t depth;
	struct fault_list *faults;
};

/*
 * The path of a file that a setting names: as PgBouncer finds it, from where the process runs, or else
 * beside the file that says so. To be freed.
 */
char *source_find(const char *path, const char *including);

/*
 * Opens the first file. Returns NULL, or why it cannot be read, which is for the caller to report: he
 * knows who names the file. `faults` gets what is wrong in it.
 */
const char *source_open(struct source *source, const char *path, struct fault_list *faults);

/*
 * Returns the next line without the blanks around it, or NULL at the end of the outermost file.
 * The line can be changed, and lasts until the next call.
 */
char *source_next_line(struct source *source);

/*
 * The same for the files of PostgreSQL: a line that ends in a backslash goes on in the next one, even
 * if it is a comment.
 * Source: PostgreSQL manual, "The pg_hba.conf File".
 */
char *source_next_record(struct source *source);

/*
 * Goes on with the first line of another file, or of all files that a pattern with *, ? or [ stands
 * for, in the order of their names. A file that cannot be had is a fault of the line that asked for
 * it; a pattern may stand for none.
 */
void source_include(struct source *source, const char *path);

/* Where the last line stands. */
const char *source_file_name(const struct source *source);
int source_line(const struct source *source);

void source_release(struct source *source);

#endif
