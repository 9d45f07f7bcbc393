/* Helper threads: jobs of one lane leave the others room, and a thread is there only for what may run. */
#include "daemon/offload.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "tests/unit/in_loop.h"
#include "tests/unit/tap.h"

#define CROWD 20

static struct offload offload;
static struct offload_job *jobs[CROWD];

/* What the jobs wait for. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_int begun, released;
static char order[CROWD + 1];

static void pass_gate(void *arg)
{
	const char *name = arg;

	order[begun++] = *name;
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
}

static void count_release(void *arg)
{
	(void)arg;
	released++;
}

static struct offload_job *begin(uint32_t lane, const char *name)
{
	return offload_begin(&offload, &loop, lane, pass_gate, count_release,
			     (void *)(uintptr_t)name);
}

static void fill_lane(uint32_t lane)
{
	for (int i = 0; i < CROWD; i++)
		jobs[i] = begin(lane, "held");
}

static bool have_begun(int count)
{
	int64_t since = loop_now();

	while (begun < count && is_soon(since))
		await_sleep(&loop, after(1));
	return begun == count;
}

static int await_done(int first)
{
	int count = 0;

	for (int i = first; i < CROWD; i++) {
		while (!offload_is_done(jobs[i]))
			await_wake(&loop, after(SOON_MS));
		count += await_offload_parted(&offload, jobs[i]);
	}
	return count;
}

static void open_offload(void)
{
	offload_init_for_lanes(&offload, OFFLOAD_THREADS_FOR_LANES, 2);
	begun = released = 0;
	memset(order, 0, sizeof order);
	pthread_mutex_lock(&gate);
}

static void test_lane(void)
{
	open_offload();
	fill_lane(7);
	struct offload_job *other = begin(8, "other");
	ok(have_begun(3), "of a lane two run, and somebody else is not held up");
	is_int(offload.thread_count, 3, "no thread is there for the others of the lane");
	pthread_mutex_unlock(&gate);
	is_int(await_done(0), CROWD, "they have their turn one after another");
	while (!offload_is_done(other))
		await_wake(&loop, after(SOON_MS));
	ok(await_offload_parted(&offload, other), "as has the other one");
	is_int(offload.thread_count, 3, "which takes no more threads");
	ok(offload_release(&offload, after(SOON_MS)), "all have ended");
}

static void test_withdrawing(void)
{
	open_offload();
	fill_lane(7);
	ok(have_begun(2), "two of a lane run");
	ok(!offload_has_begun(&offload, jobs[2]), "the third has not begun");
	ok(!await_offload_parted(&offload, jobs[2]), "and is parted with");
	is_int(released, 1, "its argument is released");
	ok(!await_offload_parted(&offload, jobs[0]), "one that runs is left behind");
	is_int(released, 1, "with its argument");
	jobs[2] = jobs[1];
	pthread_mutex_unlock(&gate);
	is_int(await_done(2), CROWD - 2, "the others have their turn");
	int64_t since = loop_now();
	while (released < 2 && is_soon(since))
		await_sleep(&loop, after(1));
	is_int(released, 2, "what was left behind is released at its end");
	ok(offload_release(&offload, after(SOON_MS)), "all have ended");
}

/* One that was ready and has not begun leaves its place to the next of its lane. */
static void test_places(void)
{
	open_offload();
	offload.thread_limit = 1;
	struct offload_job *first = begin(0, "1");
	ok(have_begun(1), "the only helper is busy");
	for (int i = 0; i < 4; i++)
		jobs[i] = begin(7, &"abcd"[i]);
	await_offload_parted(&offload, jobs[0]);
	await_offload_parted(&offload, jobs[3]);
	pthread_mutex_unlock(&gate);
	for (int i = 1; i < 3; i++) {
		while (!offload_is_done(jobs[i]))
			await_wake(&loop, after(SOON_MS));
		await_offload_parted(&offload, jobs[i]);
	}
	await_offload_parted(&offload, first);
	is_text(order, "1bc", "who is left of a lane runs, in order");
	ok(offload_release(&offload, after(SOON_MS)), "all have ended");
}

int main(void)
{
	in_loop(test_lane);
	in_loop(test_withdrawing);
	in_loop(test_places);
	return done();
}
