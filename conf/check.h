/*
 * What cannot be in a configuration though each of its values is a possible one, and what is odd.
 */
#ifndef MILLPOND_CONF_CHECK_H
#define MILLPOND_CONF_CHECK_H

#include "conf/fault.h"
#include "conf/settings.h"

/* Adds a fault or a note about a setting, with the line that sets it. */
__attribute__((format(printf, 4, 5))) void setting_fault(struct fault_list *list,
							 const struct settings *settings,
							 const char *name, const char *format, ...);

/* Adds a fault of an entry of [databases], with its line; the text begins with its name. */
__attribute__((format(printf, 4, 5))) void database_fault(struct fault_list *list,
							  const struct settings *settings,
							  const struct database *database,
							  const char *format, ...);

/* Reports what cannot be, so that it is found before it runs. */
void settings_check(const struct settings *settings, struct fault_list *faults);

/* Notes what can be used, but is hardly what was meant. */
void settings_note_oddities(struct settings *settings);

/* Notes what the start needs and this machine does not have. The file may be for another one. May wait for DNS. */
void settings_note_start(struct settings *settings);

#endif
