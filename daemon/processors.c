#include "daemon/processors.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MOST_PROCESSORS 1024

static unsigned allowed_by_affinity(void)
{
	cpu_set_t *set = CPU_ALLOC(MOST_PROCESSORS);
	size_t size = CPU_ALLOC_SIZE(MOST_PROCESSORS);
	unsigned count = 1;

	if (set != NULL && sched_getaffinity(0, size, set) == 0)
		count = (unsigned)CPU_COUNT_S(size, set);
	if (set != NULL)
		CPU_FREE(set);
	return count;
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
