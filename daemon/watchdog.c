#include "daemon/watchdog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "daemon/runtime/loop.h"
#include "daemon/thread.h"
#include "daemon/worker.h"

/* Workers come round a few times a second even with nothing to do; looking more often is no use. */
#define LOOK_US INT64_C(250000)

static void report(const struct worker *worker, const char *how, int64_t since_us)
{
	uint64_t id = worker->doing_for;
	char whom[40] = "";

	if (id != 0)
		snprintf(whom, sizeof whom, " (number %" PRIu64 ")", id);
	log_write(worker->log, LEVEL_WARNING, "worker %u %s %.1f s; it was %s%s", worker->index,
		  how, (double)since_us / 1e6, worker->doing, whom);
}

static void look_at(struct watchdog *watchdog, struct worker *worker, int64_t limit_us)
{
	int64_t since_us = loop_now() - worker->came_round_at;
	bool stalls = limit_us > 0 && since_us > limit_us + LOOK_US;

	if (stalls == worker->is_stalled)
		return;
	worker->is_stalled = stalls;
	if (stalls) {
		watchdog->stalled_count++;
		report(worker, "has not come round for", since_us);
	} else {
		watchdog->stalled_count--;
		log_write(worker->log, LEVEL_WARNING, "worker %u comes round again", worker->index);
	}
}

static void *watchdog_main(void *arg)
{
	struct watchdog *watchdog = arg;
	struct timespec until;

	pthread_mutex_lock(&watchdog->lock);
	while (!watchdog->stopping) {
		int64_t due = loop_now() + LOOK_US;
		until = (struct timespec){due / 1000000, due % 1000000 * 1000};
		pthread_cond_timedwait(&watchdog->stopped, &watchdog->lock, &until);
		for (unsigned i = 0; i < watchdog->workers->count && !watchdog->stopping; i++)
			look_at(watchdog, &watchdog->workers[i], watchdog->limit_us);
	}
	pthread_mutex_unlock(&watchdog->lock);
	return NULL;
}

bool watchdog_start(struct watchdog *watchdog, struct worker *workers)
{
	pthread_condattr_t attributes;

	watchdog->workers = workers;
	watchdog->limit_us = workers->settings->watchdog_us;
	pthread_mutex_init(&watchdog->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&watchdog->stopped, &attributes);
	pthread_condattr_destroy(&attributes);

	errno = thread_start(&watchdog->thread, watchdog_main, watchdog);
	watchdog->is_running = errno == 0;
	return watchdog->is_running;
}

void watchdog_stop(struct watchdog *watchdog)
{
	if (!watchdog->is_running)
		return;
	pthread_mutex_lock(&watchdog->lock);
	watchdog->stopping = true;
	pthread_cond_signal(&watchdog->stopped);
	pthread_mutex_unlock(&watchdog->lock);
	pthread_join(watchdog->thread, NULL);
	pthread_cond_destroy(&watchdog->stopped);
	pthread_mutex_destroy(&watchdog->lock);
}

bool watchdog_sees_stalled(const struct watchdog *watchdog)
{
	return watchdog->stalled_count > 0;
}
