/*
 * The log: one line an event, to stderr, a file or syslog. Lines have PgBouncer's shape, which log
 * analysers parse:
 *
 *	2026-01-31 23:59:59.999 UTC [pid] LEVEL C-7: db/user@addr:port message
 */
#ifndef MILLPOND_DAEMON_LOG_H
#define MILLPOND_DAEMON_LOG_H

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "conf/settings.h"

enum log_level { LEVEL_FATAL, LEVEL_ERROR, LEVEL_WARNING, LEVEL_LOG, LEVEL_DEBUG, LEVEL_NOISE };

/* A file that lines go to. One that is full loses some, which is told as soon as it takes lines again. */
struct log_outlet {
	int fd;		  /* -1: none */
	atomic_uint lost; /* lines since the last that it took */
	atomic_bool cut;  /* it has the beginning of one of them */
};

struct log {
	pthread_rwlock_t lock; /* whoever changes where lines go waits for those being written */
	struct log_outlet file;
	struct log_outlet standard_error;
	bool to_stderr;
	bool to_journal; /* stderr is the journal, which has its own time and wants priorities */
	bool to_syslog;
	enum log_level level; /* the last that is written */
	char *ident;	      /* of syslog, which keeps the pointer */
};

/* Writes to stderr until log_configure(). `verbose` counts -v. All threads may write. */
void log_init(struct log *log, int verbose);

/* Opens what the settings say (again, so that a rotated file is let go). False: the file cannot
 * be opened, errno says why, and the old one is still in use. */
bool log_configure(struct log *log, const struct settings *settings, int verbose, bool quiet);

void log_release(struct log *log);

/* Whether lines of this level are written, for those that take some work to put together. */
bool log_takes(struct log *log, enum log_level level);

__attribute__((format(printf, 3, 4))) void log_write(struct log *log, enum log_level level,
						     const char *format, ...);

/* `subject` stands before the message, e.g. "C-7: db/user@addr:port"; NULL for the process. */
__attribute__((format(printf, 4, 0))) void log_vwrite(struct log *log, enum log_level level,
						      const char *subject, const char *format,
						      va_list arguments);

/* A line for each fault: "FILE:LINE: what is wrong". */
void log_faults(struct log *log, const struct fault_list *faults, enum log_level level);

#endif
