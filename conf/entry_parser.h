/*
 * What the lines of [databases], [users] and [peers] have in common: key=value pairs, most of which are
 * fields of a structure.
 */
#ifndef MILLPOND_CONF_ENTRY_PARSER_H
#define MILLPOND_CONF_ENTRY_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/connstring.h"
#include "conf/fault.h"
#include "conf/field.h"
#include "conf/ini.h"

struct entry_parser {
	const struct ini_entry *entry;
	struct fault_list *faults;
	struct fault_list *notes;
	const char *what; /* for messages: `database`, `user`, `peer` */
	const struct field *fields;
	size_t field_count;
	bool takes_keywords; /* of libpq, beside the fields */
	void *base;	     /* the structure that is filled in */
};

#define ENTRY_REPORT(list, parser, format, ...)                                               \
	fault_add((list), (parser)->entry->file, (parser)->entry->line, "%s \"%s\": " format, \
		  (parser)->what, (parser)->entry->key, __VA_ARGS__)
#define ENTRY_FAULT(parser, ...) ENTRY_REPORT((parser)->faults, parser, __VA_ARGS__)
#define ENTRY_NOTE(parser, ...) ENTRY_REPORT((parser)->notes, parser, __VA_ARGS__)

/* Reads the field of that name, and reports what is wrong with it. False: there is none. */
bool entry_parse_field(const struct entry_parser *parser, const char *key, const char *value);

/* Reports that there is no such key, and which was probably meant. */
void entry_refuse_key(const struct entry_parser *parser, const char *key);

/* Reports what the cursor has found wrong with the text, if anything. False: it has. */
bool entry_check_syntax(const struct entry_parser *parser, const struct connstring *cursor);

/* Gives the fields their defaults, and reads the entry, whose keys are all fields. False: as entry_check_syntax(). */
bool entry_parse_fields(const struct entry_parser *parser);

#endif
