#include "daemon/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void wait_for_child(int descriptor)
{
	char byte;
	ssize_t got;

	do
		got = read(descriptor, &byte, 1);
	while (got < 0 && errno == EINTR);
	_exit(got == 1 ? 0 : 1);
}

int process_go_to_background(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	pid_t child = fork();
	if (child < 0)
		return -1;
	if (child > 0) {
		close(ends[1]);
		wait_for_child(ends[0]);
	}
	close(ends[0]);
	setsid();
	return ends[1];
}

void process_started(int descriptor)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (write(descriptor, "", 1) != 1)
		return; /* the parent is gone, and with it who wanted to know */
	close(descriptor);
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
}

static const struct passwd *find_user(const char *user, char *why, unsigned size)
{
	const struct passwd *entry = getpwnam(user);

	if (entry == NULL)
		snprintf(why, size, "user \"%s\" does not exist", user);
	return entry;
}

bool process_knows_user(const char *user, char *why, unsigned size)
{
	return find_user(user, why, size) != NULL;
}

bool process_become_user(const char *user, char *why, unsigned size)
{
	const struct passwd *entry = find_user(user, why, size);

	if (entry == NULL)
		return false;
	if (entry->pw_uid == geteuid())
		return true;
	if (initgroups(user, entry->pw_gid) != 0 || setgid(entry->pw_gid) != 0 ||
	    setuid(entry->pw_uid) != 0) {
		snprintf(why, size, "cannot become user \"%s\": %s", user, strerror(errno));
		return false;
	}
	return true;
}

void process_find_home(void)
{
	const char *home = getenv("HOME");
	const struct passwd *entry =
		home == NULL || home[0] == '\0' ? getpwuid(geteuid()) : NULL;

	if (entry != NULL)
		setenv("HOME", entry->pw_dir, 1);
}

void process_make_file_for(const char *user, const char *path)
{
	const struct passwd *entry = user != NULL && geteuid() == 0 ? getpwnam(user) : NULL;
	/* Only a new one: what is there already may be a trap, a link to a file that we would give away. */
	int fd = entry == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		return;
	if (fchown(fd, entry->pw_uid, entry->pw_gid) != 0)
		unlink(path);
	close(fd);
}

/* The process that a pid file names; 0: none. */
static pid_t named_in(const char *path)
{
	long pid = 0;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return 0;
	bool read = fscanf(file, "%ld", &pid) == 1;
	fclose(file);
	return read && pid > 0 ? (pid_t)pid : 0;
}

static bool is_alive(const char *path)
{
	pid_t pid = named_in(path);

	return pid != 0 && pid != getpid() && (kill(pid, 0) == 0 || errno == EPERM);
}

bool process_write_pidfile(const char *path, char *why, unsigned size)
{
	if (is_alive(path)) {
		snprintf(why, size, "pid file %s: that process is running", path);
		return false;
	}
	FILE *file = fopen(path, "we");
	bool written = file != NULL && fprintf(file, "%d\n", (int)getpid()) > 0;
	if (file != NULL && fclose(file) != 0)
		written = false;
	if (!written)
		snprintf(why, size, "cannot write pid file %s: %s", path, strerror(errno));
	return written;
}

void process_remove_pidfile(const char *path)
{
	if (named_in(path) == getpid())
		unlink(path);
}
