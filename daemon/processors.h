/*
 * How many processors this process may use.
 */
#ifndef MILLPOND_DAEMON_PROCESSORS_H
#define MILLPOND_DAEMON_PROCESSORS_H

#include <stdint.h>

/*
 * As many as its affinity allows (sched_getaffinity(2)), and no more than the quota of its control
 * group (cpu.max of cgroup v2, cpu.cfs_quota_us of v1) and those above it, rounded up; at least 1.
 */
unsigned processors_available(void);

/*
 * How long the processors that this process may run on have had nothing to do or waited for a disk, all
 * together, in microseconds since the machine came up; its source is /proc/stat (proc(5)). -1: not known.
 */
int64_t processors_idle_us(void);

#endif
