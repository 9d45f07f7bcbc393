#include "daemon/offload.h"

#include <errno.h>
#include <signal.h>

#include "daemon/runtime/coroutine.h"

struct offload_job {
	struct loop_message done; /* posted back when it has run */
	struct offload_job *next;
	void (*run)(void *arg);
	void *arg;
	struct loop *loop;
	struct coroutine *waiter;
	bool has_run;
};

void offload_init(struct offload *offload)
{
	*offload = (struct offload){0};
	pthread_mutex_init(&offload->lock, NULL);
	pthread_cond_init(&offload->changed, NULL);
	offload->end = &offload->first;
}

void offload_release(struct offload *offload)
{
	pthread_mutex_lock(&offload->lock);
	offload->stopping = true;
	pthread_cond_broadcast(&offload->changed);
	pthread_mutex_unlock(&offload->lock);
	for (unsigned i = 0; i < offload->thread_count; i++)
		pthread_join(offload->threads[i], NULL);
	pthread_cond_destroy(&offload->changed);
	pthread_mutex_destroy(&offload->lock);
}

static void job_done(struct loop_message *message)
{
	struct offload_job *job = (struct offload_job *)message;
	job->has_run = true;
	coroutine_wake(job->waiter);
}

static struct offload_job *next_job(struct offload *offload)
{
	offload->idle_count++;
	while (offload->first == NULL && !offload->stopping)
		pthread_cond_wait(&offload->changed, &offload->lock);
	offload->idle_count--;
	struct offload_job *job = offload->stopping ? NULL : offload->first;
	if (job == NULL)
		return NULL;
	offload->queued_count--;
	offload->first = job->next;
	if (offload->first == NULL)
		offload->end = &offload->first;
	return job;
}

static void *helper_main(void *arg)
{
	struct offload *offload = arg;
	struct offload_job *job;

	pthread_mutex_lock(&offload->lock);
	while ((job = next_job(offload)) != NULL) {
		pthread_mutex_unlock(&offload->lock);
		job->run(job->arg);
		loop_post(job->loop, &job->done);
		pthread_mutex_lock(&offload->lock);
	}
	pthread_mutex_unlock(&offload->lock);
	return NULL;
}

/* Signals are for the main thread. */
static int start_helper(struct offload *offload)
{
	sigset_t all;
	sigset_t old;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int failure = pthread_create(&offload->threads[offload->thread_count], NULL, helper_main,
				     offload);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (failure == 0)
		offload->thread_count++;
	return failure;
}

bool await_offload(struct offload *offload, struct loop *loop, void (*run)(void *arg), void *arg)
{
	struct offload_job job = {
		.run = run, .arg = arg, .loop = loop, .waiter = coroutine_current(loop)};
	job.done.deliver = job_done;

	pthread_mutex_lock(&offload->lock);
	int failure = 0;
	if (offload->idle_count <= offload->queued_count && offload->thread_count < OFFLOAD_THREADS)
		failure = start_helper(offload);
	if (offload->thread_count > 0) {
		*offload->end = &job;
		offload->end = &job.next;
		offload->queued_count++;
		pthread_cond_signal(&offload->changed);
		failure = 0;
	}
	pthread_mutex_unlock(&offload->lock);
	if (failure != 0) {
		errno = failure;
		return false;
	}
	while (!job.has_run)
		await_wake(loop, DEADLINE_NEVER);
	return true;
}
