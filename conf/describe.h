/*
 * The tables of settings as text, for what is made of them: the sample ini, the manual pages, and
 * whoever wants to know.
 */
#ifndef MILLPOND_CONF_DESCRIBE_H
#define MILLPOND_CONF_DESCRIBE_H

#include <stdio.h>

#include "conf/settings.h"

/*
 * One line each: section, name, kind, default, what it can be, `reload`, `restart` or (for keys of
 * entries) `-`, `inert` or `-`, and what it does; with tabulators between them.
 */
void settings_describe(FILE *stream);

#endif
