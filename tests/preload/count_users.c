/*
 * Counts how often a program that runs with LD_PRELOAD=count_users.so asks the system for a user by the number, in the
 * file named by USERS: eight bytes, in the byte order of the machine. None is found.
 */
#include <pwd.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/preload/shared_file.h"

static _Atomic uint64_t before;
static _Atomic uint64_t *counter = &before;

__attribute__((constructor)) static void open_counter(void)
{
	counter = shared_file("USERS", sizeof *counter);
}

int getpwuid_r(uid_t user, struct passwd *entry, char *room, size_t size, struct passwd **found)
{
	(void)user;
	(void)entry;
	(void)room;
	(void)size;
	atomic_fetch_add(counter, 1);
	*found = NULL;
	return 0;
}
