/*
 * The user of the system whose process has the other end of a Unix socket. The kernel knows the number at once, but
 * its name may be another machine's to tell: that is asked in a helper thread.
 */
#ifndef MILLPOND_DAEMON_SYSTEM_USER_H
#define MILLPOND_DAEMON_SYSTEM_USER_H

#include <sys/types.h>

#define SYSTEM_USER_BYTES 256

struct system_user {
	uid_t uid;
	char name[SYSTEM_USER_BYTES]; /* "": it has none, or a longer one */
};

/* On the heap, without its name. NULL with errno. */
struct system_user *system_user_of_peer(int fd);

/* A job for a helper, with a struct system_user: finds its name. */
void system_user_look_up(void *arg);

#endif
