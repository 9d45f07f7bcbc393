/*
 * The table of conf/settings.def as data: what there is to know about each setting of [millpond].
 */
#ifndef MILLPOND_CONF_TABLE_H
#define MILLPOND_CONF_TABLE_H

#include "conf/field.h"
#include "conf/settings.h"

/* How many settings there are; an enum, so that arrays can have one item for each. */
enum {
#define TEXT(...) +1
#define COUNT(...) +1
#define OCTAL(...) +1
#define FLAG(...) +1
#define DURATION(...) +1
#define CHOICE(...) +1
	SETTING_COUNT = 0
#include "conf/settings.def"
};

/* In the order of the table, which is that of the names; the base is a struct settings. */
extern const struct field setting_table[SETTING_COUNT];

/* The index of a setting, or -1. */
int setting_index(const char *name);

/* A setting of PgBouncer that is not one of ours. */
struct foreign_setting {
	const char *name;
	const char *why_inert; /* why it has no effect here */
};

/* NULL: PgBouncer knows none of that name either. */
const struct foreign_setting *foreign_setting_find(const char *name);

/* By index, from 0; NULL: there are no more. */
const struct foreign_setting *foreign_setting_at(size_t index);

#endif
