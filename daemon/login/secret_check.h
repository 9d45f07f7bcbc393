/*
 * Whether the secrets in auth_file, and the passwords of entries, are what they look like.
 */
#ifndef MILLPOND_LOGIN_SECRET_CHECK_H
#define MILLPOND_LOGIN_SECRET_CHECK_H

#include "conf/settings.h"

/* Notes each one that begins like a secret of SCRAM and is none, with its line: the process can do without. */
void secrets_note_broken(struct settings *settings);

#endif
