/*
 * One line of [databases] or [users]: made from its text, compared with that of another
 * configuration, and freed.
 */
#ifndef MILLPOND_CONF_ENTRY_H
#define MILLPOND_CONF_ENTRY_H

#include <stdbool.h>

#include "conf/field.h"
#include "conf/ini.h"
#include "conf/settings.h"

/*
 * Fills a zeroed structure from a pair of the ini, and reports to `faults` what is wrong and to
 * `notes` what is odd. The structure can be released in any case.
 */
void database_parse(struct database *database, const struct ini_entry *entry,
		    struct fault_list *faults, struct fault_list *notes);
void user_settings_parse(struct user_settings *user, const struct ini_entry *entry,
			 struct fault_list *faults, struct fault_list *notes);

/* The keys that are fields of the structures, from 0; NULL: there are no more. */
const struct field *database_key_at(size_t index);
const struct field *user_key_at(size_t index);

bool database_is_equal(const struct database *one, const struct database *other);
bool user_settings_is_equal(const struct user_settings *one, const struct user_settings *other);

void database_release(struct database *database);
void user_settings_release(struct user_settings *user);

#endif
