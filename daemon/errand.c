#include "daemon/errand.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/balance.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/future.h"
#include "daemon/runtime/loop.h"
#include "daemon/worker.h"

struct errand {
	struct loop_message message; /* there, and ... */
	struct future done;	     /* ... back */
	struct worker *there;
	void (*run)(struct worker *there, void *arg);
	void *arg;
	bool failed;
};

static void errand_main(void *arg)
{
	struct errand *errand = arg;

	errand->run(errand->there, errand->arg);
	future_post(&errand->done);
}

static void arrived(struct loop_message *message)
{
	struct errand *errand = container_of(message, struct errand, message);

	if (coroutine_start(&errand->there->loop, errand_main, errand) != NULL)
		return;
	errand->failed = true;
	future_post(&errand->done);
}

bool await_at(struct worker *here, struct worker *there,
	      void (*run)(struct worker *there, void *arg), void *arg)
{
	struct errand errand = {
		.message.deliver = arrived,
		.done = future_in(&here->loop),
		.there = there,
		.run = run,
		.arg = arg,
	};

	if (here == there) {
		run(there, arg);
		return true;
	}
	loop_post(&there->loop, &errand.message);
	await_future(&errand.done);
	return !errand.failed;
}

/* --- everywhere --------------------------------------------------------------------------- */

struct visit {
	struct worker *here;
	struct worker *there;
	void (*run)(struct worker *there, void *arg);
	void *arg;
	bool done;
};

static void visit_main(void *arg)
{
	struct visit *visit = arg;
	visit->done = await_at(visit->here, visit->there, visit->run, visit->arg);
}

static bool await_visits(struct worker *here, void (*run)(struct worker *there, void *arg),
			 char *args, size_t size)
{
	struct visit *visits = calloc(here->count, sizeof *visits);
	struct task *tasks = calloc(here->count, sizeof *tasks);
	bool done = visits != NULL && tasks != NULL;

	for (unsigned i = 0; i < here->count && done; i++) {
		visits[i] = (struct visit){here, &here->all[i], run, args + i * size, false};
		tasks[i] = (struct task){visit_main, &visits[i]};
	}
	if (done && !await_all(&here->loop, tasks, here->count, DEADLINE_NEVER)) {
		done = errno == ECANCELED;
		if (done)
			coroutine_cancel(coroutine_current(&here->loop));
	}
	for (unsigned i = 0; i < here->count && done; i++)
		done = visits[i].done;
	free(visits);
	free(tasks);
	return done;
}

static void do_nothing(struct worker *there, void *arg)
{
	(void)there;
	(void)arg;
}

bool await_everywhere(struct worker *here, void (*run)(struct worker *there, void *arg), void *args,
		      size_t size)
{
	if (here->count == 1) {
		run(here, args);
		return true;
	}
	/* After the first round no session leaves any more, and before the second one all that
	 * were on their way have arrived. */
	balance_hold(here);
	bool done = await_visits(here, do_nothing, args, 0) && await_visits(here, run, args, size);
	balance_release_hold(here);
	return done;
}
