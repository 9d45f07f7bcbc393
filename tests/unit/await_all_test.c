/* await_all() takes the time of the longest, and leaves nobody behind when it fails. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/runtime/coroutine.h"
#include "tests/unit/in_loop.h"
#include "tests/unit/tap.h"

static int tasks_running, tasks_cancelled;

static void sleep_for_ms(void *arg)
{
	tasks_running++;
	if (!await_sleep(&loop, after((int64_t)(intptr_t)arg))) {
		tasks_cancelled++;
		await_sleep(&loop, after(30));
	}
	tasks_running--;
}

static void test_await_all(void)
{
	struct task tasks[10];
	for (int i = 0; i < 10; i++)
		tasks[i] = (struct task){sleep_for_ms, (void *)(intptr_t)((i + 1) * 50)};
	int64_t begin = loop_now();
	bool all = await_all(&loop, tasks, 10, DEADLINE_NEVER);
	int64_t took = loop_now() - begin;
	ok(all && tasks_running == 0, "all tasks have returned");
	ok(took >= 500 * MS && took < 2000 * MS,
	   "after the time of the longest (500 ms) and not of all (2,750 ms): %d ms",
	   (int)(took / MS));
	ok(await_all(&loop, tasks, 0, DEADLINE_NEVER), "nothing to do is done");
}

static void test_await_all_fails(void)
{
	const struct task tasks[] = {{sleep_for_ms, (void *)10},
				     {sleep_for_ms, (void *)9000},
				     {sleep_for_ms, (void *)9000}};
	int64_t begin = loop_now();

	tasks_cancelled = 0;
	bool all = await_all(&loop, tasks, 3, after(400));
	int failure = errno;
	ok(!all && failure == ETIMEDOUT, "the time of await_all is over");
	is_int(tasks_cancelled, 2, "those that have not returned are cancelled");
	is_int(tasks_running, 0, "and waited for");
	ok(loop_now() - begin >= 430 * MS && is_soon(begin), "with their cleanup");

	tasks_cancelled = 0;
	coroutine_cancel(coroutine_current(&loop));
	all = await_all(&loop, tasks, 3, DEADLINE_NEVER);
	failure = errno;
	ok(!all && failure == ECANCELED, "the caller of await_all is cancelled");
	is_int(tasks_cancelled, 3, "and with it all tasks");
	is_int(tasks_running, 0, "none goes on");
}

static void cancel_when_told(void *arg)
{
	while (tasks_cancelled == 0)
		await_sleep(&loop, after(1));
	coroutine_cancel(arg);
}

static void test_cancelled_while_it_fails(void)
{
	const struct task task = {sleep_for_ms, (void *)9000};

	tasks_cancelled = 0;
	start(cancel_when_told, coroutine_current(&loop));
	bool all = await_all(&loop, &task, 1, after(20));
	int failure = errno;
	ok(!all && failure == ETIMEDOUT && tasks_running == 0, "the time is over, and the task cleans up");
	ok(!await_sleep(&loop, after(1)) && errno == ECANCELED,
	   "cancelled meanwhile, the caller hears of it at its next wait");
}

static int exit_status;

static rlim_t address_space_used(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (file == NULL || fscanf(file, "%lu", &pages) != 1)
		abort();
	fclose(file);
	return pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void gather_without_memory(void)
{
	struct task tasks[500];

	for (int i = 0; i < 500; i++)
		tasks[i] = (struct task){sleep_for_ms, (void *)9000};
	/* 500 stacks of 64 KiB do not fit into 4 MiB. */
	struct rlimit limit = {address_space_used() + (4u << 20), RLIM_INFINITY};
	setrlimit(RLIMIT_AS, &limit);
	tasks_cancelled = 0;
	bool all = await_all(&loop, tasks, 500, DEADLINE_NEVER);
	exit_status =
		!all && errno == ENOMEM && tasks_running == 0 && tasks_cancelled < 400 ? 0 : 1;
}

static void test_no_memory(void)
{
	if (SANITIZED || getenv("LD_PRELOAD")) {
		ok(true, "no memory for a task # SKIP needs its address space limited");
		return;
	}
	pid_t child = fork();
	if (child == 0) {
		in_loop(gather_without_memory);
		_exit(exit_status);
	}
	int status;
	waitpid(child, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	   "no memory for a task: the others are cancelled and waited for");
}

int main(void)
{
	in_loop(test_await_all);
	in_loop(test_await_all_fails);
	in_loop(test_cancelled_while_it_fails);
	test_no_memory();
	return done();
}
