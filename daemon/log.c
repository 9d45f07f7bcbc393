#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 1200

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LEVEL_FATAL] = {"FATAL", LOG_CRIT},	   [LEVEL_ERROR] = {"ERROR", LOG_ERR},
	[LEVEL_WARNING] = {"WARNING", LOG_WARNING}, [LEVEL_LOG] = {"LOG", LOG_INFO},
	[LEVEL_DEBUG] = {"DEBUG", LOG_DEBUG},	   [LEVEL_NOISE] = {"NOISE", LOG_DEBUG},
};

/* systemd says in JOURNAL_STREAM which device and inode its stream has (sd-daemon(3)). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat status;
	unsigned long long device;
	unsigned long long inode;

	return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
	       status.st_ino == inode;
}

static enum log_level level_for(int verbose)
{
	int level = LEVEL_LOG + verbose;
	return level > LEVEL_NOISE ? LEVEL_NOISE : (enum log_level)level;
}

void log_init(struct log *log, int verbose)
{
	*log = (struct log){.file = {.fd = -1},
			    .standard_error = {.fd = STDERR_FILENO},
			    .to_stderr = true,
			    .level = level_for(verbose)};
	pthread_rwlock_init(&log->lock, NULL);
	log->to_journal = stderr_is_journal();
}

bool log_configure(struct log *log, const struct settings *settings, int verbose, bool quiet)
{
	int file = -1;

	if (settings->logfile[0] != '\0') {
		file = open(settings->logfile, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
		if (file < 0)
			return false;
	}
	pthread_rwlock_wrlock(&log->lock);
	if (log->file.fd >= 0)
		close(log->file.fd);
	log->file.fd = file;
	log->to_stderr = !quiet;
	log->level = level_for(verbose + settings->verbose);

	if (log->to_syslog)
		closelog();
	free(log->ident);
	log->ident = settings->syslog ? strdup(settings->syslog_ident) : NULL;
	log->to_syslog = log->ident != NULL;
	if (log->to_syslog)
		openlog(log->ident, LOG_PID | LOG_NDELAY, (int)settings->syslog_facility);
	pthread_rwlock_unlock(&log->lock);
	return true;
}

void log_release(struct log *log)
{
	if (log->file.fd >= 0)
		close(log->file.fd);
	if (log->to_syslog)
		closelog();
	free(log->ident);
	pthread_rwlock_destroy(&log->lock);
}

bool log_takes(struct log *log, enum log_level level)
{
	pthread_rwlock_rdlock(&log->lock);
	bool takes = level <= log->level;
	pthread_rwlock_unlock(&log->lock);
	return takes;
}

static size_t put_time(char *line, size_t size)
{
	struct timespec now;
	struct tm local;
	char zone[32];

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &local);
	size_t length = strftime(line, size, "%Y-%m-%d %H:%M:%S", &local);
	if (strftime(zone, sizeof zone, "%Z", &local) == 0)
		zone[0] = '\0';
	return length +
	       (size_t)snprintf(line + length, size - length, ".%03ld %s", now.tv_nsec / 1000000, zone);
}

/* Whatever a client has put into its names must stay on its line. */
static void one_line(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ')
			*text = ' ';
}

/* "2026-01-31 23:59:59.999 UTC [pid] LEVEL message" and the end of the line. */
static size_t put_line(char *line, size_t size, enum log_level level, const char *message)
{
	size_t time_length = put_time(line, 100);

	return time_length + (size_t)snprintf(line + time_length, size - time_length,
					      " [%d] %s %s\n", (int)getpid(), levels[level].name,
					      message);
}

/* False: errno says why not. */
static bool write_all(struct log_outlet *outlet, const char *line, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t written = write(outlet->fd, line + done, length - done);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) {
			atomic_fetch_add(&outlet->lost, 1);
			if (done > 0)
				atomic_store(&outlet->cut, true);
			return false;
		}
		done += (size_t)written;
	}
	return true;
}

/* Of how many lines are missing, since there was nowhere to tell it when they were lost. What follows a piece of a
 * line begins a new one. */
static void tell_of_lost(struct log_outlet *outlet)
{
	char message[80];
	char line[LINE_BYTES] = "\n";
	unsigned lost = atomic_exchange(&outlet->lost, 0);

	if (lost == 0)
		return; /* another thread does it */
	/* A rotated file has no piece. */
	size_t start =
		atomic_exchange(&outlet->cut, false) && lseek(outlet->fd, 0, SEEK_END) != 0 ? 1 : 0;
	snprintf(message, sizeof message, "lines that could not be written to the log: %u", lost);
	size_t length = put_line(line + start, sizeof line - start, LEVEL_WARNING, message);
	if (write_all(outlet, line, start + length))
		return;
	atomic_fetch_add(&outlet->lost, lost - 1); /* the message counts for none */
	if (start > 0)
		atomic_store(&outlet->cut, true);
}

static void write_to(struct log_outlet *outlet, const char *line, size_t length)
{
	if (atomic_load(&outlet->lost) > 0)
		tell_of_lost(outlet);
	write_all(outlet, line, length);
}

static void write_line(struct log *log, enum log_level level, const char *message)
{
	char line[LINE_BYTES];

	if (log->to_syslog)
		syslog(levels[level].priority, "%s", message);
	size_t length = put_line(line, sizeof line, level, message);
	if (log->file.fd >= 0)
		write_to(&log->file, line, length);
	if (!log->to_stderr)
		return;
	if (log->to_journal)
		dprintf(STDERR_FILENO, "<%d>%s\n", levels[level].priority, message);
	else
		write_to(&log->standard_error, line, length);
}

void log_vwrite(struct log *log, enum log_level level, const char *subject, const char *format,
		va_list arguments)
{
	char message[LINE_BYTES - 200];

	size_t used = subject == NULL ? 0 : (size_t)snprintf(message, 300, "%s ", subject);
	if (used >= 300)
		used = 299;
	vsnprintf(message + used, sizeof message - used, format, arguments);
	one_line(message);
	pthread_rwlock_rdlock(&log->lock);
	if (level <= log->level)
		write_line(log, level, message);
	pthread_rwlock_unlock(&log->lock);
}

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	log_vwrite(log, level, NULL, format, arguments);
	va_end(arguments);
}

void log_faults(struct log *log, const struct fault_list *faults, enum log_level level)
{
	for (size_t i = 0; i < faults->count; i++) {
		const struct fault *fault = &faults->faults[i];
		char line[16] = "";
		if (fault->line > 0)
			snprintf(line, sizeof line, ":%d", fault->line);
		log_write(log, level, "%s%s: %s", fault->file, line, fault->text);
	}
}
