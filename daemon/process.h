/*
 * What a process does once, before it serves: going to the background, changing its user, its pid
 * file.
 */
#ifndef MILLPOND_DAEMON_PROCESS_H
#define MILLPOND_DAEMON_PROCESS_H

#include <stdbool.h>

/*
 * Goes on in a child, in a session of its own. The parent waits until the child calls
 * process_started(), or ends before that, and exits accordingly. Answers a descriptor for
 * process_started(), or -1 with errno.
 */
int process_go_to_background(void);
void process_started(int descriptor);

/* False: there is no such user, which `why` says. */
bool process_knows_user(const char *user, char *why, unsigned size);

/* Becomes the user, if that is not who we are. False: `why` says what went wrong. */
bool process_become_user(const char *user, char *why, unsigned size);

/*
 * Root makes the file, unless it is there, and gives it to the user (or NULL), who will have to open it again.
 * Has no effect for others. What goes wrong is found out when the file is opened.
 */
void process_make_file_for(const char *user, const char *path);

/* Writes the pid file, unless the process named in it lives. False: `why` says what went wrong. */
bool process_write_pidfile(const char *path, char *why, unsigned size);

/* Unless it names another process by now. */
void process_remove_pidfile(const char *path);

/* Sets HOME where it is not, to the home of who runs the process: libpq looks there for certificates. */
void process_find_home(void);

#endif
