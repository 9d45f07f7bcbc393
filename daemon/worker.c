#include "daemon/worker.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/balance.h"
#include "daemon/cancel.h"
#include "daemon/daemon.h"
#include "daemon/relay/set_cache.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/server/dial.h"
#include "daemon/server/resolve.h"
#include "daemon/session.h"
#include "daemon/thread.h"

/* Housekeeping acts within a third of a second. */
#define TICK_US 250000

/* --- now and then ------------------------------------------------------------------------- */

/* Sessions at rest have no timer; they are looked at only where something may have to be done for them. */
static void look_at_sessions(struct worker *worker, int64_t now)
{
	if (worker->suspension != NOT_SUSPENDED)
		return;
	if (worker->settings->client_idle_timeout_us == 0 && worker->settings->user_count == 0 &&
	    !worker->has_sleepers && !worker->has_unfolded && !worker->has_doubts &&
	    !worker->settings->server_fast_close)
		return;
	worker->has_sleepers = worker->has_unfolded = worker->has_doubts = false;
	for (struct session *session = worker->sessions; session != NULL; session = session->next)
		session_tick(session, now);
}

void worker_take_stock(struct worker *worker)
{
	const struct loop *loop = &worker->loop;

	atomic_store(&worker->running_count, loop->running_count);
	atomic_store(&worker->spare_count, loop->spare_count);
	atomic_store(&worker->is_deserted, worker->ending && loop->running_count == 0 &&
						   atomic_load(&worker->session_count) == 0);
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct worker *worker = arg;
	int64_t now = loop_now();

	worker_does(worker, "housekeeping", 0);
	worker->tick_number++;
	look_at_sessions(worker, now);
	dial_again(worker);
	loop_trim(&worker->loop);
	balance_tick(worker);
	worker_take_stock(worker);
	atomic_store(&worker->came_round_at, now);
	worker_does(worker, "waiting for events", 0);
}

/* --- orders ------------------------------------------------------------------------------- */

static void kill_sessions(struct worker *worker)
{
	/* Who is on the way out is not waited for any longer either. */
	for (struct session *session = worker->sessions; session != NULL; session = session->next)
		if (session->is_ending)
			coroutine_cancel(session->coroutine);
		else
			session_kill(session, FAILURE_SHUTTING_DOWN);
}

static void take_order(struct loop_message *message)
{
	struct worker *worker = container_of(message, struct worker, order_message);
	static const struct timeval last_ticks = {.tv_usec = LAST_TICKS_US};

	atomic_store(&worker->order_is_posted, false);
	int order = atomic_load(&worker->order);
	worker->closing |= order >= WORKER_CLOSE;
	if (order >= WORKER_END && !worker->ending) {
		worker->ending = true;
		event_add(worker->tick, &last_ticks);
		dial_cancel_all(worker);
		dns_cancel_all(worker);
		kill_sessions(worker);
		cancels_give_up(worker);
	}
	if (order == WORKER_STOP)
		loop_stop(&worker->loop);
}

void worker_give_order(struct worker *worker, enum worker_order order)
{
	atomic_store(&worker->order, (int)order);
	if (!atomic_exchange(&worker->order_is_posted, true))
		loop_post(&worker->loop, &worker->order_message);
}

bool worker_is_deserted(const struct worker *worker)
{
	return atomic_load(&worker->is_deserted);
}

size_t worker_total_sessions(const struct worker *worker)
{
	size_t total = 0;

	for (unsigned i = 0; i < worker->count; i++)
		total += worker->all[i].session_count;
	return total;
}

/* --- beginning and end -------------------------------------------------------------------- */

bool worker_init(struct worker *worker)
{
	static const struct timeval period = {.tv_usec = TICK_US};

	if (!loop_init(&worker->loop))
		return false;
	pthread_mutex_init(&worker->inbox.lock, NULL);
	dial_open_inbox(worker);
	worker->order_message.deliver = take_order;
	suspend_init_worker(worker);
	worker->resolver = resolver_new(&worker->loop, worker->settings->resolv_conf);
	worker->tick = event_new(worker->loop.base, -1, EV_PERSIST, tick, worker);
	atomic_store(&worker->came_round_at, loop_now());
	worker_does(worker, "starting", 0);
	return worker->resolver != NULL && worker->tick != NULL &&
	       event_add(worker->tick, &period) == 0;
}

void worker_release(struct worker *worker)
{
	resolver_free(worker->resolver);
	if (worker->tick != NULL)
		event_free(worker->tick);
	coroutine_free_spares(&worker->loop);
	if (worker->loop.deepest_bytes > 0) /* known in debug builds */
		log_write(worker->log, LEVEL_LOG, "deepest stack: %zu bytes",
			  worker->loop.deepest_bytes);
	writer_release(&worker->requests);
	writer_release(&worker->replies);
	set_cache_free(worker->set_cache);
	loop_release(&worker->loop);
	pthread_mutex_destroy(&worker->inbox.lock);
	settings_drop(worker->settings);
}

static void *thread_main(void *arg)
{
	struct worker *worker = arg;

	atomic_store(&worker->tid, gettid());
	loop_run(&worker->loop);
	return NULL;
}

bool worker_start(struct worker *worker)
{
	char name[16];

	if (worker->index == 0) {
		worker->thread = pthread_self();
		atomic_store(&worker->tid, gettid());
		return true;
	}
	errno = thread_start(&worker->thread, thread_main, worker);
	if (errno != 0)
		return false;
	snprintf(name, sizeof name, "worker %u", worker->index);
	pthread_setname_np(worker->thread, name);
	return true;
}
