/*
 * How many processors this process may use.
 */
#ifndef MILLPOND_DAEMON_PROCESSORS_H
#define MILLPOND_DAEMON_PROCESSORS_H

/*
 * As many as its affinity allows (sched_getaffinity(2)), and no more than the quota of its control
 * group (cpu.max of cgroup v2, cpu.cfs_quota_us of v1) and those above it, rounded up; at least 1.
 */
unsigned processors_available(void);

#endif
