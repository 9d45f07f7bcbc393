/*
 * The switch between two stacks: a few instructions per CPU in context.S (x86-64, AArch64), and
 * ucontext for the others. Knows nothing of coroutines, the event loop or sanitizers.
 */
#ifndef MILLPOND_RUNTIME_CONTEXT_H
#define MILLPOND_RUNTIME_CONTEXT_H

#include <stddef.h>

#if !defined(CONTEXT_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define CONTEXT_UCONTEXT 1
#endif

#ifdef CONTEXT_UCONTEXT
#include <ucontext.h>
struct context {
	ucontext_t state;
};
#else
struct context {
	void *sp; /* where the callee-saved registers were pushed */
};
#endif

/*
 * Prepares `context` so that the first switch to it calls entry(arg) on the given stack. `entry`
 * must never return: it switches away for the last time instead.
 */
void context_init(struct context *context, void *stack, size_t size_bytes, void (*entry)(void *),
		  void *arg);

/* Saves the caller's place in `from` and continues at `to`. Returns when somebody switches back. */
void context_switch(struct context *from, struct context *to);

#endif
