/*
 * Lets a program that runs with LD_PRELOAD=silent_users.so ask in vain who a user is: there is never an answer.
 */
#include <pwd.h>
#include <stddef.h>
#include <unistd.h>

int getpwuid_r(uid_t user, struct passwd *entry, char *room, size_t size, struct passwd **found)
{
	(void)user;
	(void)entry;
	(void)room;
	(void)size;
	(void)found;
	for (;;)
		pause();
}
