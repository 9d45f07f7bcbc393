#include "daemon/offload.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/runtime/future.h"
#include "daemon/thread.h"

enum progress { QUEUED, RUNNING, POSTED };

struct offload_job {
	struct future done;
	struct offload_job *next; /* in the line, or of those that run */
	uint32_t lane;
	void (*run)(void *arg);
	void (*release)(void *arg); /* NULL: the job is on the stack of the one that waits */
	void *arg;
	enum progress progress; /* under the lock, as is the next */
	bool is_left;		/* nobody waits any more: whoever runs it frees it */
};

void offload_init(struct offload *offload)
{
	*offload = (struct offload){0};
	pthread_mutex_init(&offload->lock, NULL);
	pthread_cond_init(&offload->changed, NULL);
	offload->end = &offload->first;
	offload->thread_limit = offload->lane_limit = OFFLOAD_THREADS;
}

void offload_init_for_lanes(struct offload *offload, unsigned thread_limit, unsigned lane_limit)
{
	offload_init(offload);
	offload->thread_limit = thread_limit;
	offload->lane_limit = lane_limit;
}

static bool join_helpers(struct offload *offload, int64_t deadline)
{
	int64_t left_us = deadline - loop_now();
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += left_us > 0 ? (time_t)(left_us / 1000000) + 1 : 0;
	bool all = true;
	for (unsigned i = 0; i < offload->thread_count; i++)
		all &= pthread_timedjoin_np(offload->threads[i], NULL, &until) == 0;
	return all;
}

bool offload_release(struct offload *offload, int64_t deadline)
{
	pthread_mutex_lock(&offload->lock);
	offload->stopping = true;
	pthread_cond_broadcast(&offload->changed);
	pthread_mutex_unlock(&offload->lock);
	if (!join_helpers(offload, deadline))
		return false;
	pthread_cond_destroy(&offload->changed);
	pthread_mutex_destroy(&offload->lock);
	return true;
}

/* --- in the helpers ----------------------------------------------------------------------- */

/* Takes it out of the line. */
static void take_out(struct offload *offload, struct offload_job *job)
{
	struct offload_job **link = &offload->first;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	if (offload->end == &job->next)
		offload->end = link;
	offload->queued_count--;
}

static bool may_run(const struct offload *offload, const struct offload_job *job)
{
	unsigned count = 0;

	if (job->lane == 0)
		return true;
	for (const struct offload_job *other = offload->running; other != NULL; other = other->next)
		count += other->lane == job->lane;
	return count < offload->lane_limit;
}

static struct offload_job *first_in_line(const struct offload *offload)
{
	struct offload_job *job = offload->first;

	while (job != NULL && !may_run(offload, job))
		job = job->next;
	return job;
}

static struct offload_job *next_job(struct offload *offload)
{
	struct offload_job *job = NULL;

	offload->idle_count++;
	while (!offload->stopping && (job = first_in_line(offload)) == NULL)
		pthread_cond_wait(&offload->changed, &offload->lock);
	offload->idle_count--;
	if (offload->stopping)
		return NULL;
	take_out(offload, job);
	job->progress = RUNNING;
	job->next = offload->running;
	offload->running = job;
	return job;
}

/* Whoever waits for it may go on. */
static void end_job(struct offload *offload, struct offload_job *job)
{
	struct offload_job **link = &offload->running;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	job->progress = POSTED;
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

/* False with errno when there is no thread to run it. */
static bool add(struct offload *offload, struct offload_job *job)
{
	int failure = 0;

	job->next = NULL;
	pthread_mutex_lock(&offload->lock);
	if (offload->idle_count <= offload->queued_count && offload->thread_count < offload->thread_limit)
		failure = start_helper(offload);
	if (offload->thread_count > 0) {
		*offload->end = job;
		offload->end = &job->next;
		offload->queued_count++;
		pthread_cond_signal(&offload->changed);
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
	bool has_begun = job->progress != QUEUED;
	pthread_mutex_unlock(&offload->lock);
	return has_begun;
}

bool offload_is_done(const struct offload_job *job)
{
	return job->done.is_done;
}

bool await_offload_parted(struct offload *offload, struct offload_job *job)
{
	pthread_mutex_lock(&offload->lock);
	enum progress progress = job->progress;
	if (progress == QUEUED)
		take_out(offload, job);
	job->is_left = progress == RUNNING;
	pthread_mutex_unlock(&offload->lock);
	if (progress == RUNNING)
		return false; /* and it is the helper's from here on */
	if (progress == QUEUED) {
		job_free(job);
		return false;
	}
	/* Its message may still be on the way. */
	await_future(&job->done);
	free(job);
	return true;
}
