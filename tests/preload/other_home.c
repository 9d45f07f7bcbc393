/*
 * Lets a program that runs with LD_PRELOAD=other_home.so find the folder named by OTHER_HOME as the home of
 * every user.
 */
#include <pwd.h>
#include <stdlib.h>

struct passwd *getpwuid(uid_t user)
{
	static struct passwd entry;

	entry = (struct passwd){.pw_uid = user, .pw_dir = getenv("OTHER_HOME")};
	return &entry;
}
