/*
 * The users of auth_file, in the format of PgBouncer's userlist.txt:
 *
 *	; a comment
 *	"name" "secret"			the rest of the line is ignored
 *
 * A quote within quotes is written twice. A secret is a password, a hash of it (md5...), a SCRAM
 * secret as pg_authid has it, or "" for none; which of these is not judged here.
 */
#ifndef MILLPOND_CONF_AUTH_FILE_H
#define MILLPOND_CONF_AUTH_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/fault.h"

struct auth_user {
	char *name;
	char *secret;
	int line;
	int *earlier_lines; /* which named the user as well and do not count */
	size_t earlier_count;
};

struct auth_users {
	char *path; /* as it was opened; NULL: no file was read */
	struct auth_user *users; /* in the order of their names, each name once */
	size_t count;
	/* By what the secrets look like. */
	size_t plain_count;
	size_t scram_count;
	uint32_t scram_iterations; /* the median of those; 0: there are none */
};

/*
 * Reads the file into `users`, which the caller releases in any case. A name that comes twice counts
 * as it stands last. What is wrong in it becomes a fault with its line. Returns why it cannot be read, or NULL.
 */
const char *auth_users_read(struct auth_users *users, const char *path,
			    struct fault_list *faults);

/* The secret of a user, "" when it has none, NULL when there is no such user. */
const char *auth_users_find(const struct auth_users *users, const char *name);

bool auth_users_are_equal(const struct auth_users *one, const struct auth_users *other);

/* Wipes the secrets. */
void auth_users_release(struct auth_users *users);

#endif
