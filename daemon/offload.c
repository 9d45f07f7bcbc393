#include "daemon/offload.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/future.h"
#include "daemon/thread.h"

enum progress { HELD, READY, RUNNING, POSTED };

struct offload_job {
	struct future done;
	struct offload_job *next; /* in its line, or of those that run */
	uint32_t lane;
	void (*run)(void *arg);
	void (*release)(void *arg); /* NULL: the job is on the stack of the one that waits */
	void *arg;
	enum progress progress; /* under the lock, as is the next */
	bool is_left;		/* nobody waits any more: whoever runs it frees it */
};

static void line_init(struct offload_line *line)
{
	*line = (struct offload_line){.end = &line->first};
}

void offload_init(struct offload *offload)
{
	*offload = (struct offload){0};
	pthread_mutex_init(&offload->lock, NULL);
	pthread_cond_init(&offload->changed, NULL);
	line_init(&offload->ready);
	line_init(&offload->held);
	line_init(&offload->running);
	offload->thread_limit = offload->lane_limit = OFFLOAD_THREADS;
}

void offload_init_for_lanes(struct offload *offload, unsigned thread_limit, unsigned lane_limit)
{
	offload_init(offload);
	offload->thread_limit = thread_limit;
	offload->lane_limit = lane_limit;
}

static bool join_helpers(struct offload *offload, int64_t until_us)
{
	int64_t left_us = until_us - loop_now();
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += left_us > 0 ? (time_t)(left_us / 1000000) + 1 : 0;
	bool all = true;
	for (unsigned i = 0; i < offload->thread_count; i++)
		all &= pthread_timedjoin_np(offload->threads[i], NULL, &until) == 0;
	return all;
}

bool offload_release(struct offload *offload, int64_t until_us)
{
	pthread_mutex_lock(&offload->lock);
	offload->stopping = true;
	pthread_cond_broadcast(&offload->changed);
	pthread_mutex_unlock(&offload->lock);
	if (!join_helpers(offload, until_us))
		return false;
	pthread_cond_destroy(&offload->changed);
	pthread_mutex_destroy(&offload->lock);
	return true;
}

/* --- the lines, under the lock ------------------------------------------------------------ */

static void line_up(struct offload_line *line, struct offload_job *job)
{
	job->next = NULL;
	*line->end = job;
	line->end = &job->next;
}

static void take_out(struct offload_line *line, struct offload_job *job)
{
	struct offload_job **link = &line->first;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	if (line->end == &job->next)
		line->end = link;
}

static unsigned count_lane(const struct offload_line *line, uint32_t lane)
{
	unsigned count = 0;

	for (const struct offload_job *job = line->first; job != NULL; job = job->next)
		count += job->lane == lane;
	return count;
}

/* Jobs in the line of those that are ready have their place in the lane already. */
static bool has_place(const struct offload *offload, const struct offload_job *job)
{
	return job->lane == 0 ||
	       count_lane(&offload->running, job->lane) + count_lane(&offload->ready, job->lane) <
		       offload->lane_limit;
}

static void make_ready(struct offload *offload, struct offload_job *job)
{
	job->progress = READY;
	line_up(&offload->ready, job);
	offload->ready_count++;
}

/* A place in a lane has become free. */
static void pass_place_on(struct offload *offload, uint32_t lane)
{
	struct offload_job *job = offload->held.first;

	while (job != NULL && job->lane != lane)
		job = job->next;
	if (job == NULL)
		return;
	take_out(&offload->held, job);
	make_ready(offload, job);
}

/* --- in the helpers ----------------------------------------------------------------------- */

static struct offload_job *next_job(struct offload *offload)
{
	offload->idle_count++;
	while (!offload->stopping && offload->ready.first == NULL)
		pthread_cond_wait(&offload->changed, &offload->lock);
	offload->idle_count--;
	if (offload->stopping)
		return NULL;
	struct offload_job *job = offload->ready.first;
	take_out(&offload->ready, job);
	offload->ready_count--;
	job->progress = RUNNING;
	line_up(&offload->running, job);
	return job;
}

/* Whoever waits for it may go on, and so may who waits for its place: this helper is free for him. */
static void end_job(struct offload *offload, struct offload_job *job)
{
	take_out(&offload->running, job);
	job->progress = POSTED;
	pass_place_on(offload, job->lane);
}

static void job_free(struct offload_job *job)
{
	job->release(job->arg);
	free(job);
}

static void *helper_main(void *arg)
{
	struct offload *offload = arg;
	struct offload_job *job;

	pthread_mutex_lock(&offload->lock);
	while ((job = next_job(offload)) != NULL) {
		pthread_mutex_unlock(&offload->lock);
		job->run(job->arg);
		pthread_mutex_lock(&offload->lock);
		bool is_left = job->is_left;
		end_job(offload, job);
		pthread_mutex_unlock(&offload->lock);
		if (is_left)
			job_free(job);
		else
			future_post(&job->done);
		pthread_mutex_lock(&offload->lock);
	}
	pthread_mutex_unlock(&offload->lock);
	return NULL;
}

static int start_helper(struct offload *offload)
{
	int failure =
		thread_start(&offload->threads[offload->thread_count], helper_main, offload);

	if (failure == 0)
		offload->thread_count++;
	return failure;
}

/* --- in the loops ------------------------------------------------------------------------- */

/* A held one wakes nobody: whoever leaves it his place goes on with it. */
static void queue_up(struct offload *offload, struct offload_job *job)
{
	if (!has_place(offload, job)) {
		line_up(&offload->held, job);
		return;
	}
	make_ready(offload, job);
	pthread_cond_signal(&offload->changed);
}

/* False with errno when there is no thread to run it. */
static bool add(struct offload *offload, struct offload_job *job)
{
	int failure = 0;

	pthread_mutex_lock(&offload->lock);
	if (has_place(offload, job) && offload->idle_count <= offload->ready_count &&
	    offload->thread_count < offload->thread_limit)
		failure = start_helper(offload);
	if (offload->thread_count > 0) {
		queue_up(offload, job);
		failure = 0;
	}
	pthread_mutex_unlock(&offload->lock);
	errno = failure;
	return failure == 0;
}

bool await_offload(struct offload *offload, struct loop *loop, void (*run)(void *arg), void *arg)
{
	struct offload_job job = {.done = future_in(loop), .run = run, .arg = arg};

	if (!add(offload, &job))
		return false;
	await_future(&job.done);
	return true;
}

struct offload_job *offload_begin(struct offload *offload, struct loop *loop, uint32_t lane,
				  void (*run)(void *arg), void (*release)(void *arg), void *arg)
{
	struct offload_job *job = malloc(sizeof *job);

	if (job == NULL)
		return NULL;
	*job = (struct offload_job){
		.done = future_in(loop), .lane = lane, .run = run, .release = release, .arg = arg};
	if (add(offload, job))
		return job;
	free(job);
	return NULL;
}

bool offload_has_begun(struct offload *offload, const struct offload_job *job)
{
	pthread_mutex_lock(&offload->lock);
	bool has_begun = job->progress >= RUNNING;
	pthread_mutex_unlock(&offload->lock);
	return has_begun;
}

bool offload_is_done(const struct offload_job *job)
{
	return job->done.is_done;
}

/* It has not begun. */
static void withdraw(struct offload *offload, struct offload_job *job)
{
	if (job->progress == HELD) {
		take_out(&offload->held, job);
		return;
	}
	take_out(&offload->ready, job);
	offload->ready_count--;
	pass_place_on(offload, job->lane);
}

bool await_offload_parted(struct offload *offload, struct offload_job *job)
{
	pthread_mutex_lock(&offload->lock);
	enum progress progress = job->progress;
	if (progress < RUNNING)
		withdraw(offload, job);
	job->is_left = progress == RUNNING;
	pthread_mutex_unlock(&offload->lock);
	if (progress == RUNNING)
		return false; /* and it is the helper's from here on */
	if (progress < RUNNING) {
		job_free(job);
		return false;
	}
	/* Its message may still be on the way. */
	await_future(&job->done);
	free(job);
	return true;
}

bool await_offload_until(struct offload *offload, struct loop *loop, uint32_t lane,
			 void (*run)(void *arg), void (*release)(void *arg), void *arg,
			 int64_t deadline)
{
	struct offload_job *job = offload_begin(offload, loop, lane, run, release, arg);
	bool done = job != NULL;

	while (done && !offload_is_done(job))
		done = await_wake(loop, deadline);
	int why = errno;
	bool is_back = job == NULL || await_offload_parted(offload, job);
	if (!done && is_back)
		release(arg);
	errno = why;
	return done;
}
