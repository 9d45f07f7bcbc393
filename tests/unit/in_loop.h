/*
 * Runs a test as a coroutine of a fresh event loop, and what else the tests of daemon/runtime share.
 */
#ifndef MILLPOND_TESTS_UNIT_IN_LOOP_H
#define MILLPOND_TESTS_UNIT_IN_LOOP_H

#include <stdlib.h>

#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#define MS INT64_C(1000)

static struct loop loop;

__attribute__((unused)) static void in_loop_main(void *arg)
{
	(*(void (**)(void))arg)();
	loop_stop(&loop);
}

/* Returns when `test` has returned; it must have waited for all coroutines that it started. */
__attribute__((unused)) static void in_loop(void (*test)(void))
{
	if (!loop_init(&loop) || !coroutine_start(&loop, in_loop_main, &test))
		abort();
	loop_run(&loop);
	loop_release(&loop);
}

__attribute__((unused)) static int64_t after(int64_t milliseconds)
{
	return loop_now() + milliseconds * MS;
}

__attribute__((unused)) static void start(void (*run)(void *arg), void *arg)
{
	if (!coroutine_start(&loop, run, arg))
		abort();
}

/* A bound for what should happen at once, or on time; machines that run tests can be busy. */
#define SOON_MS 3000

__attribute__((unused)) static bool is_soon(int64_t since)
{
	return loop_now() - since < SOON_MS * MS;
}

#endif
