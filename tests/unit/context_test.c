/* The switch for processors without one of their own, and what both switches must keep. */
#include <stdint.h>
#include <stdlib.h>

/* Beside the one that the program uses, under other names. */
#define context_init ucontext_context_init
#define context_switch ucontext_context_switch
#define context ucontext_context
#ifndef CONTEXT_UCONTEXT
#define CONTEXT_UCONTEXT 1
#define WAS_NATIVE 1
#endif
#include "daemon/runtime/context.c"
#undef context_init
#undef context_switch
#undef context
#ifdef WAS_NATIVE
#undef CONTEXT_UCONTEXT
#endif
#undef MILLPOND_RUNTIME_CONTEXT_H
#include "daemon/runtime/context.h"

#include "tests/unit/tap.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
int main(void)
{
	skip_all("sanitizers must be told of each switch: see coroutine_test");
}
#else

static struct ucontext_context u_main, u_other;
static struct context n_main, n_other;
static char other_stack[65536] __attribute__((aligned(16)));
static int visits;
static bool is_aligned;
static char printed[64];

static void look_around(void)
{
	/* An aligned store to the frame and a double for printf: both fault, or lie, if the
	 * first frame is not aligned. */
	_Alignas(16) volatile char aligned[16] = {1};
	is_aligned = ((uintptr_t)aligned & 15) == 0;
	snprintf(printed, sizeof printed, "%.2f", (double)visits + 0.25);
}

static void u_entry(void *arg)
{
	for (;;) {
		visits += *(int *)arg;
		look_around();
		ucontext_context_switch(&u_other, &u_main);
	}
}

static void n_entry(void *arg)
{
	for (;;) {
		visits += *(int *)arg;
		look_around();
		context_switch(&n_other, &n_main);
	}
}

static void switch_often(const char *name, void (*there)(void))
{
	/* More values than there are callee-saved registers. */
	long a = visits + 1, b = a + 1, c = b + 1, d = c + 1, e = d + 1, f = e + 1, g = f + 1;
	double x = (double)a / 8;

	for (int i = 0; i < 1000; i++) {
		there();
		a += 1, b += 2, c += 3, d += 4, e += 5, f += 6, g += 7;
		x += 0.5;
	}
	is_int(visits, 3000, "%s: the entry function gets its argument and goes on", name);
	ok(a == 1001 && b == 2002 && c == 3003 && d == 4004 && e == 5005 && f == 6006 &&
		   g == 7007 && x == 500.125,
	   "%s: the caller's values outlive the switches", name);
	ok(is_aligned, "%s: its frames are aligned", name);
	is_text(printed, "3000.25", "%s: and doubles can be printed", name);
}

static void switch_u(void)
{
	ucontext_context_switch(&u_main, &u_other);
}

static void switch_n(void)
{
	context_switch(&n_main, &n_other);
}

int main(void)
{
	int step = 3;

	visits = 0;
	ucontext_context_init(&u_other, other_stack, sizeof other_stack, u_entry, &step);
	switch_often("ucontext", switch_u);

	visits = 0;
	context_init(&n_other, other_stack, sizeof other_stack, n_entry, &step);
	switch_often("this processor's", switch_n);
	return done();
}
#endif
