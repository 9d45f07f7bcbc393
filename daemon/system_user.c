#include "daemon/system_user.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct system_user *system_user_of_peer(int fd)
{
	struct ucred credentials;
	socklen_t length = sizeof credentials;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
		return NULL;
	struct system_user *user = calloc(1, sizeof *user);
	if (user != NULL)
		user->uid = credentials.uid;
	return user;
}

void system_user_look_up(void *arg)
{
	struct system_user *user = arg;
	struct passwd entry;
	struct passwd *found = NULL;
	char buffer[4096];

	if (getpwuid_r(user->uid, &entry, buffer, sizeof buffer, &found) == 0 && found != NULL &&
	    strlen(entry.pw_name) < sizeof user->name)
		strcpy(user->name, entry.pw_name);
}
