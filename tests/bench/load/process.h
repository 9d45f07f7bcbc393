#pragma once
/* What another process has used: its CPU time and its resident memory. A pid of 0 has used nothing. */
#include <stdint.h>
#include <sys/types.h>

struct usage {
	uint64_t cpu_ns;	     /* exact, all threads, user and system together */
	uint64_t user_ms, system_ms; /* from /proc, in steps of a clock tick */
};

/* False when there is no such process (any more). */
_Bool process_usage(pid_t pid, struct usage *usage);

uint64_t process_resident_bytes(pid_t pid);
