/*
 * What is said twice, of which only the last counts: entries of the ini, and users of auth_file. (Of settings it is said
 * as they are read.)
 */
#ifndef MILLPOND_CONF_REPEATS_H
#define MILLPOND_CONF_REPEATS_H

#include "conf/settings.h"

/* Notes each of them, with the line that counts and the one that does not. */
void settings_note_repeats(struct settings *settings);

#endif
