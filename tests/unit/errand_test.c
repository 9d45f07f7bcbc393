/* Who waits for what another worker does learns of a cancellation when that is done. */
#include "daemon/errand.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "daemon/daemon.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/worker.h"
#include "tests/unit/tap.h"

#define WORKERS 2
#define MS INT64_C(1000)

static struct daemon fake;
static struct worker workers[WORKERS];
static atomic_bool may_return;
static atomic_int visited;

static void visit(struct worker *there, void *arg)
{
	(void)arg;
	while (there != workers && !may_return)
		await_sleep(&there->loop, loop_now() + MS);
	visited++;
}

static bool visit_one(void)
{
	return await_at(workers, &workers[1], visit, NULL);
}

static bool visit_all(void)
{
	return await_everywhere(workers, visit, NULL, 0);
}

static struct {
	bool (*errand)(void);
	bool is_done; /* as the errand has said */
	int failure;  /* of the wait behind it, and of the one behind that; 0: none */
	int second_failure;
	bool has_ended;
} traveller;

static int failure_of_wait(void)
{
	return await_sleep(&workers->loop, loop_now() + MS) ? 0 : errno;
}

static void travel(void *arg)
{
	(void)arg;
	traveller.is_done = traveller.errand();
	traveller.failure = failure_of_wait();
	traveller.second_failure = failure_of_wait();
	traveller.has_ended = true;
}

static void test_cancelling(const char *name, bool (*errand)(void), int visits, bool before)
{
	visited = 0;
	may_return = false;
	traveller.errand = errand;
	traveller.has_ended = false;
	struct coroutine *coroutine = coroutine_start(&workers->loop, travel, NULL);
	if (!before)
		await_sleep(&workers->loop, loop_now() + 10 * MS);
	coroutine_cancel(coroutine);
	await_sleep(&workers->loop, loop_now() + 10 * MS);
	ok(!traveller.has_ended, "%s: it is waited for although that was cancelled", name);
	may_return = true;
	for (int i = 0; i < 3000 && !traveller.has_ended; i++)
		await_sleep(&workers->loop, loop_now() + MS);
	ok(traveller.is_done && visited == visits, "%s: it is done", name);
	is_int(traveller.failure, ECANCELED, "%s: the next wait fails", name);
	is_int(traveller.second_failure, 0, "%s: ... once", name);
}

static void stop(struct worker *there, void *arg)
{
	(void)arg;
	loop_stop(&there->loop);
}

static void test_all(void *arg)
{
	(void)arg;
	test_cancelling("at one worker", visit_one, 1, false);
	test_cancelling("at one worker, before it began", visit_one, 1, true);
	test_cancelling("everywhere", visit_all, WORKERS, false);
	test_cancelling("everywhere, before it began", visit_all, WORKERS, true);
	await_at(workers, &workers[1], stop, NULL);
	loop_stop(&workers->loop);
}

static void *run_second(void *arg)
{
	loop_run(&workers[1].loop);
	return arg;
}

int main(void)
{
	pthread_t second;

	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].all = workers;
		workers[i].count = WORKERS;
		workers[i].index = i;
		workers[i].daemon = &fake;
		if (!loop_init(&workers[i].loop))
			abort();
	}
	if (pthread_create(&second, NULL, run_second, NULL) != 0 ||
	    coroutine_start(&workers->loop, test_all, NULL) == NULL)
		abort();
	loop_run(&workers->loop);
	pthread_join(second, NULL);
	for (unsigned i = 0; i < WORKERS; i++)
		loop_release(&workers[i].loop);
	return done();
}
