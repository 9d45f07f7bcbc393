/*
 * What root can read at the start, and whom the process becomes cannot read again at a reload.
 */
#ifndef MILLPOND_CONF_UNREADABLE_H
#define MILLPOND_CONF_UNREADABLE_H

#include "conf/settings.h"

/* Only as root: notes each file of the settings that this user, if there is such a one, cannot read. */
void settings_note_unreadable(struct settings *settings, const char *user);

#endif
