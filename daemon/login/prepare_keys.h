/*
 * Derives the SCRAM keys of passwords; of those that auth_file holds as plain text before anybody needs
 * them: in a helper thread, one after the other. So a first login takes no longer than a later one, and
 * does not tell that there is such a user.
 */
#ifndef MILLPOND_LOGIN_PREPARE_KEYS_H
#define MILLPOND_LOGIN_PREPARE_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/scram.h"

struct worker;

/*
 * Fills in the secret of a user whose password is known, from the ring of keys, or by a helper thread.
 * False: there is no thread, or no memory, to do it.
 */
bool await_keys(struct worker *worker, const char *user, const char *password, uint32_t iterations,
		struct scram_secret *secret);

/* Forgets keys that are of no use with the settings in force, and makes those that are, if their auth_type has a use for
 * any. Takes care of itself. */
void prepare_keys(struct worker *worker);

#endif
