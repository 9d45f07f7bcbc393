/*
 * Derives the SCRAM keys of passwords that auth_file holds as plain text, before anybody needs them:
 * in a helper thread, one after the other. So a first login takes no longer than a later one, and
 * does not tell that there is such a user.
 */
#ifndef MILLPOND_DAEMON_PREPARE_KEYS_H
#define MILLPOND_DAEMON_PREPARE_KEYS_H

struct worker;

/* Starts it for the settings in force, if their auth_type has a use for keys. Takes care of itself. */
void prepare_keys(struct worker *worker);

#endif
