#include "daemon/suspend.h"

#include "daemon/daemon.h"
#include "daemon/errand.h"
#include "daemon/relay/upstream.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/session.h"
#include "daemon/worker.h"

/* How often the sessions are looked at until all of them hold still. */
#define LOOK_US INT64_C(50000)

enum suspension suspend_state(const struct daemon *daemon)
{
	return (enum suspension)daemon->suspension;
}

bool suspend_holds(const struct session *session)
{
	return session->worker->suspension != NOT_SUSPENDED && session->phase == SESSION_LOGGED_IN;
}

/* --- in each worker ----------------------------------------------------------------------- */

/* What comes to a session at rest meanwhile gives its event, and nobody looks at it. */
static void have_all_look(struct worker *worker)
{
	for (struct session *session = worker->sessions; session != NULL; session = session->next) {
		if (session->is_mid_turn)
			coroutine_interrupt(session->coroutine);
		else if (session->coroutine == NULL && worker->suspension == NOT_SUSPENDED)
			session_wake(session);
	}
}

/* The order of the messages does not matter: what holds now is what counts. */
static void take_note(struct worker *worker)
{
	enum suspension before = worker->suspension;

	worker->suspension = suspend_state(worker->daemon);
	/* What has been taken off a socket is served; the rest stays there. */
	worker->loop.batch.reads_ahead = worker->suspension == NOT_SUSPENDED;
	if (before != worker->suspension)
		have_all_look(worker);
}

static void told(struct loop_message *message)
{
	struct worker *worker = container_of(message, struct worker, suspend_message);

	atomic_store(&worker->suspend_is_posted, false);
	take_note(worker);
}

void suspend_init_worker(struct worker *worker)
{
	worker->suspend_message.deliver = told;
}

static void tell_all(struct daemon *daemon)
{
	for (unsigned i = 0; i < daemon->worker_count; i++) {
		struct worker *worker = &daemon->workers[i];
		if (!atomic_exchange(&worker->suspend_is_posted, true))
			loop_post(&worker->loop, &worker->suspend_message);
	}
}

/* One that waits for a server holds a request that is on its way. */
static bool is_still(const struct session *session)
{
	if (session->phase == SESSION_CONSOLE || session->is_ending)
		return true;
	if (stream_is_ahead(&session->client))
		return false;
	if (session->coroutine == NULL)
		return session->phase == SESSION_LOGGED_IN;
	return session->is_mid_turn && !stream_has_unsent(&session->client) &&
	       !stream_has_unsent(&session->upstream->stream);
}

struct survey {
	bool is_late;
	atomic_size_t moving;
};

static void look(struct worker *worker, void *arg)
{
	struct survey *survey = arg;

	take_note(worker);
	batch_send(&worker->loop);
	for (struct session *session = worker->sessions; session != NULL; session = session->next) {
		if (is_still(session))
			continue;
		survey->moving++;
		if (survey->is_late)
			session_kill(session, FAILURE_SUSPEND_TIMEOUT);
	}
}

/* --- in the main thread ------------------------------------------------------------------- */

static void suspend_main(void *arg)
{
	struct daemon *daemon = arg;
	struct worker *here = daemon->workers;

	while (daemon->suspension == SUSPENDING) {
		int64_t limit = daemon->settings->suspend_timeout_us;
		struct survey survey = {
			.is_late = limit > 0 && loop_now() - daemon->suspended_at >= limit};
		bool looked = await_everywhere(here, look, &survey, 0);
		if (daemon->suspension != SUSPENDING)
			break;
		if (looked && survey.moving == 0) {
			daemon->suspension = SUSPENDED;
			tell_all(daemon);
		} else {
			await_sleep(&here->loop, loop_now() + LOOK_US);
		}
	}
	daemon->is_suspending = false;
}

bool suspend_begin(struct daemon *daemon)
{
	/* One that RESUME has ended may not have noticed yet. */
	if (!daemon->is_suspending &&
	    coroutine_start(&daemon->workers->loop, suspend_main, daemon) == NULL)
		return false;
	daemon->is_suspending = true;
	daemon->suspended_at = loop_now();
	daemon->suspension = SUSPENDING;
	listeners_hold(&daemon->listeners);
	tell_all(daemon);
	return true;
}

void suspend_end(struct daemon *daemon)
{
	if (daemon->suspension == NOT_SUSPENDED)
		return;
	daemon->suspension = NOT_SUSPENDED;
	listeners_go_on(&daemon->listeners);
	tell_all(daemon);
}

void suspend_tick(struct daemon *daemon)
{
	if (daemon->suspension != SUSPENDED || daemon->console_count > 0)
		return;
	log_write(&daemon->log, LEVEL_LOG, "admin disappeared when suspended, doing RESUME");
	suspend_end(daemon);
}
