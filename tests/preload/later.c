/*
 * Lets a program that runs with LD_PRELOAD=later.so take it for so many seconds later than it is as the file
 * named by LATER says: an int64_t, which may change at any time.
 */
#include <stdatomic.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#include "shared_file.h"

static _Atomic int64_t *later;

__attribute__((constructor)) static void begin(void)
{
	later = shared_file("LATER", sizeof *later);
}

time_t time(time_t *result)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += *later;
	if (result != NULL)
		*result = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict result, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	*result = (struct timeval){.tv_sec = now.tv_sec + *later, .tv_usec = now.tv_nsec / 1000};
	return 0;
}
