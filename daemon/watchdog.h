/*
 * The watchdog: a thread that looks whether the workers' loops turn, and says so in the log when one
 * does not, with what it was doing.
 */
#ifndef MILLPOND_DAEMON_WATCHDOG_H
#define MILLPOND_DAEMON_WATCHDOG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct worker;

struct watchdog {
	struct worker *workers;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stopped;
	bool is_running;
	bool stopping;
	_Atomic int64_t limit_us; /* the setting `watchdog`; 0: it sleeps */
	atomic_uint stalled_count;
};

/* `workers` is the first of all. False with errno. */
bool watchdog_start(struct watchdog *watchdog, struct worker *workers);

/* Waits for the thread. No effect on one that does not run. */
void watchdog_stop(struct watchdog *watchdog);

/* Whether some worker has not come round for too long. From any thread. */
bool watchdog_sees_stalled(const struct watchdog *watchdog);

#endif
