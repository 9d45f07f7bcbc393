#include "daemon/processors.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MOST_PROCESSORS 4096

/* A set of processors that is large enough for any machine. */
struct affinity {
	cpu_set_t sets[MOST_PROCESSORS / CPU_SETSIZE];
};

static bool get_affinity(struct affinity *affinity)
{
	return sched_getaffinity(0, sizeof *affinity, affinity->sets) == 0;
}

static unsigned allowed_by_affinity(void)
{
	struct affinity affinity;
	return get_affinity(&affinity) ? (unsigned)CPU_COUNT_S(sizeof affinity, affinity.sets) : 1;
}

/* One number, or of v2 two; false: there is no such file, or no limit in it. */
static bool read_numbers(const char *path, const char *format, long long *a, long long *b)
{
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	int read = fscanf(file, format, a, b);
	fclose(file);
	return read >= 1 && *a > 0;
}

static unsigned round_up(long long quota, long long period, unsigned most)
{
	if (period <= 0 || quota >= (long long)most * period)
		return most;
	return (unsigned)((quota + period - 1) / period);
}

/* The quota of one group, `path` being its folder. */
static unsigned allowed_by_group(const char *path, unsigned most)
{
	char file[4200];
	long long quota = 0;
	long long period = 0;

	snprintf(file, sizeof file, "%s/cpu.max", path);
	if (read_numbers(file, "%lld %lld", &quota, &period))
		return round_up(quota, period, most);
	snprintf(file, sizeof file, "%s/cpu.cfs_quota_us", path);
	if (!read_numbers(file, "%lld", &quota, &period))
		return most;
	snprintf(file, sizeof file, "%s/cpu.cfs_period_us", path);
	read_numbers(file, "%lld", &period, &period);
	return round_up(quota, period, most);
}

/* The group's own folder and each one above it, up to where they are mounted. */
static unsigned allowed_by_groups(const char *root, char *group, unsigned most)
{
	char path[4096];

	for (;;) {
		snprintf(path, sizeof path, "%s%s", root, group);
		most = allowed_by_group(path, most);
		char *slash = strrchr(group, '/');
		if (slash == NULL)
			return most;
		*slash = '\0';
	}
}

unsigned processors_available(void)
{
	unsigned count = allowed_by_affinity();
	FILE *groups = fopen("/proc/self/cgroup", "re");
	char line[2048];

	while (groups != NULL && fgets(line, sizeof line, groups) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		char *controllers = strchr(line, ':');
		char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
		if (group == NULL)
			continue;
		*group++ = '\0';
		if (controllers[1] == '\0')
			count = allowed_by_groups("/sys/fs/cgroup", group, count);
		else if (strstr(controllers, "cpu,") != NULL || strstr(controllers, ":cpu") != NULL)
			count = allowed_by_groups("/sys/fs/cgroup/cpu", group, count);
	}
	if (groups != NULL)
		fclose(groups);
	return count > 0 ? count : 1;
}

/* Ticks in which a processor had nothing to do, or waited for a disk, by proc_stat(5). */
static bool read_idle(const char *line, unsigned *number, unsigned long long *ticks)
{
	unsigned long long idle;
	unsigned long long waiting;

	if (sscanf(line, "cpu%u %*u %*u %*u %llu %llu", number, &idle, &waiting) != 3)
		return false;
	*ticks = idle + waiting;
	return true;
}

int64_t processors_idle_us(void)
{
	struct affinity affinity;
	FILE *file = fopen("/proc/stat", "re");
	char line[512];
	unsigned number;
	unsigned long long ticks;
	unsigned long long ours = 0;
	unsigned long long all = 0;
	bool found = false;
	int count = 0;

	if (file == NULL)
		return -1;
	bool known = get_affinity(&affinity);
	/* The lines of the processors come first. */
	while (fgets(line, sizeof line, file) != NULL && strncmp(line, "cpu", 3) == 0) {
		if (!read_idle(line, &number, &ticks))
			continue;
		count++;
		all += ticks;
		if (known && CPU_ISSET_S(number, sizeof affinity, affinity.sets)) {
			found = true;
			ours += ticks;
		}
	}
	fclose(file);
	/* In some containers the lines are those of our processors, but with numbers of their own. */
	if (!found && known && count == CPU_COUNT_S(sizeof affinity, affinity.sets)) {
		found = true;
		ours = all;
	}
	return found ? (int64_t)ours * 1000000 / sysconf(_SC_CLK_TCK) : -1;
}
