/*
 * Tells AddressSanitizer, ThreadSanitizer and Valgrind about each switch of stacks, in builds for
 * them; costs nothing in others.
 */
#ifndef MILLPOND_RUNTIME_SANITIZER_H
#define MILLPOND_RUNTIME_SANITIZER_H

#include <stddef.h>

#include "daemon/runtime/loop.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif
#if defined(DEBUG) && __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif

struct sanitizer_fiber {
	void *stack;
	size_t size;
	void *fake_stack; /* AddressSanitizer's */
	void *fiber;	  /* ThreadSanitizer's */
	unsigned valgrind_id;
};

static inline void sanitizer_fiber_init(struct sanitizer_fiber *fiber, void *stack, size_t size)
{
	fiber->stack = stack;
	fiber->size = size;
	fiber->fake_stack = NULL;
#if defined(__SANITIZE_THREAD__)
	fiber->fiber = __tsan_create_fiber(0);
#endif
#ifdef VALGRIND_STACK_REGISTER
	fiber->valgrind_id = VALGRIND_STACK_REGISTER(stack, (char *)stack + size);
#endif
}

static inline void sanitizer_fiber_release(struct sanitizer_fiber *fiber)
{
#if defined(__SANITIZE_ADDRESS__)
	/* Frames that never returned, and so never unpoisoned themselves. */
	__asan_unpoison_memory_region(fiber->stack, fiber->size);
#endif
#if defined(__SANITIZE_THREAD__)
	__tsan_destroy_fiber(fiber->fiber);
#endif
#ifdef VALGRIND_STACK_REGISTER
	VALGRIND_STACK_DEREGISTER(fiber->valgrind_id);
	/* For stack_high_water(), which looks at what no frame covers any more. */
	(void)VALGRIND_MAKE_MEM_DEFINED(fiber->stack, fiber->size);
#endif
	(void)fiber;
}

/* In the loop, before it switches to the fiber. */
static inline void sanitizer_enter(struct sanitizer_fiber *fiber, struct loop *loop)
{
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_start_switch_fiber(&loop->sanitizer_fake, fiber->stack, fiber->size);
#endif
#if defined(__SANITIZE_THREAD__)
	loop->sanitizer_fiber = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(fiber->fiber, 0);
#endif
	(void)fiber;
	(void)loop;
}

/* In the fiber, as the first thing after it was switched to. */
static inline void sanitizer_entered(struct sanitizer_fiber *fiber, struct loop *loop)
{
#if defined(__SANITIZE_ADDRESS__)
	const void *stack;
	__sanitizer_finish_switch_fiber(fiber->fake_stack, &stack, &loop->sanitizer_size);
	loop->sanitizer_stack = (void *)(size_t)stack;
#endif
	(void)fiber;
	(void)loop;
}

/* In the fiber, before it switches to the loop. */
static inline void sanitizer_leave(struct sanitizer_fiber *fiber, struct loop *loop)
{
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_start_switch_fiber(&fiber->fake_stack, loop->sanitizer_stack,
				       loop->sanitizer_size);
#endif
#if defined(__SANITIZE_THREAD__)
	__tsan_switch_to_fiber(loop->sanitizer_fiber, 0);
#endif
	(void)fiber;
	(void)loop;
}

/* In the loop, as the first thing after a fiber switched back. */
static inline void sanitizer_back_in_loop(struct loop *loop)
{
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_finish_switch_fiber(loop->sanitizer_fake, NULL, NULL);
#endif
	(void)loop;
}

#endif
