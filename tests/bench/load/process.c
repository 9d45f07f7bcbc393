#include "tests/bench/load/process.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Bool read_ticks(pid_t pid, struct usage *usage)
{
	char path[64], line[1024];
	unsigned long user, system;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return 0;
	_Bool is_read = fgets(line, sizeof(line), file) != NULL;
	fclose(file);

	/* The name, in parentheses, may contain anything; the numbers are counted from its end. */
	const char *rest = is_read ? strrchr(line, ')') : NULL;
	if (rest == NULL || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
				   &user, &system) != 2)
		return 0;
	unsigned long ms_per_tick = 1000 / (unsigned long)sysconf(_SC_CLK_TCK);
	usage->user_ms = user * ms_per_tick;
	usage->system_ms = system * ms_per_tick;
	return 1;
}

_Bool process_usage(pid_t pid, struct usage *usage)
{
	clockid_t clock;
	struct timespec used;

	memset(usage, 0, sizeof(*usage));
	if (pid == 0)
		return 1;
	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
		return 0;
	usage->cpu_ns = (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
	return read_ticks(pid, usage);
}

uint64_t process_resident_bytes(pid_t pid)
{
	char path[64], line[256];
	unsigned long kilobytes = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = pid != 0 ? fopen(path, "r") : NULL;
	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL &&
	       sscanf(line, "VmRSS: %lu", &kilobytes) != 1)
		;
	fclose(file);
	return (uint64_t)kilobytes * 1024;
}
