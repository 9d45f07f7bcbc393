/*
 * Notes what a program that runs with LD_PRELOAD=note_calls.so asks the system log for, whom it becomes, and
 * to whom it gives files, a line each, in the file named by CALLS. None of it is done. With PRETEND_ROOT the
 * program takes itself for root until it becomes somebody else; a '+' behind that says that the file named by
 * PRETEND_ROOT was there. To nobody but root the file named by CLOSED is open.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <syslog.h>
#include <unistd.h>

static uid_t pretended; /* 0: root */

__attribute__((format(printf, 1, 0))) static void vnote(const char *format, va_list arguments)
{
	char line[2000];
	const char *path = getenv("CALLS");
	int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		abort();
	vsnprintf(line, sizeof line - 1, format, arguments);
	strcat(line, "\n");
	if (write(fd, line, strlen(line)) < 0)
		abort();
	close(fd);
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vnote(format, arguments);
	va_end(arguments);
}

/* --- the system log ----------------------------------------------------------------------- */

void openlog(const char *ident, int option, int facility)
{
	(void)option;
	note("openlog %s %d", ident, facility >> 3);
}

void closelog(void)
{
	note("closelog");
}

/* What syslog() becomes when functions are fortified. */
void __syslog_chk(int priority, int flag, const char *format, ...);
void __syslog_chk(int priority, int flag, const char *format, ...)
{
	char message[1500];
	va_list arguments;

	(void)flag;
	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	note("syslog %d %s", priority, message);
}

void syslog(int priority, const char *format, ...)
{
	char message[1500];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof message, format, arguments);
	va_end(arguments);
	note("syslog %d %s", priority, message);
}

/* --- becoming somebody -------------------------------------------------------------------- */

uid_t geteuid(void)
{
	return getenv("PRETEND_ROOT") != NULL ? pretended : (uid_t)syscall(SYS_geteuid);
}

int fchown(int fd, uid_t user, gid_t group)
{
	(void)fd;
	note("fchown %u %u", user, group);
	return 0;
}

int initgroups(const char *user, gid_t group)
{
	note("initgroups %s %u", user, group);
	return 0;
}

int setgid(gid_t group)
{
	note("setgid %u", group);
	return 0;
}

int access(const char *path, int mode)
{
	const char *closed = getenv("CLOSED");

	if (pretended == 0 || closed == NULL || strcmp(path, closed) != 0)
		return (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
	errno = EACCES;
	return -1;
}

int setuid(uid_t user)
{
	const char *path = getenv("PRETEND_ROOT");

	note("setuid %u%s", user, path != NULL && access(path, F_OK) == 0 ? " +" : "");
	pretended = user;
	return 0;
}
