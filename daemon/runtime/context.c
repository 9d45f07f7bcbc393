#include "daemon/runtime/context.h"

#include <stdint.h>
#include <string.h>

#ifdef CONTEXT_UCONTEXT

/* makecontext() passes ints only, so pointers travel in halves. */
static void context_trampoline(unsigned entry_high, unsigned entry_low, unsigned arg_high,
			       unsigned arg_low)
{
	uintptr_t entry = (uintptr_t)entry_high << 16 << 16 | entry_low;
	uintptr_t arg = (uintptr_t)arg_high << 16 << 16 | arg_low;
	((void (*)(void *))entry)((void *)arg);
}

void context_init(struct context *context, void *stack, size_t size_bytes, void (*entry)(void *),
		  void *arg)
{
	uintptr_t e = (uintptr_t)entry;
	uintptr_t a = (uintptr_t)arg;

	getcontext(&context->state);
	context->state.uc_stack.ss_sp = stack;
	context->state.uc_stack.ss_size = size_bytes;
	context->state.uc_link = NULL;
	makecontext(&context->state, (void (*)(void))context_trampoline, 4,
		    (unsigned)(e >> 16 >> 16), (unsigned)e, (unsigned)(a >> 16 >> 16), (unsigned)a);
}

void context_switch(struct context *from, struct context *to)
{
	swapcontext(&from->state, &to->state);
}

#else

void context_start(void); /* in context.S */

/*
 * A new stack as context_switch() expects to find it, from the top down:
 *
 *	x86-64				AArch64
 *	(16-byte boundary)		(16-byte boundary)
 *	0	so that entry() is called on such a boundary
 *	0	end of backtraces	d15 ... d8
 *	context_start  return address	x30 = context_start, x29
 *	rbp rbx				x28 ... x21
 *	r12 = entry			x20 = arg
 *	r13 = arg			x19 = entry
 *	r14 r15		<- sp				<- sp
 */
void context_init(struct context *context, void *stack, size_t size_bytes, void (*entry)(void *),
		  void *arg)
{
	uintptr_t top = ((uintptr_t)stack + size_bytes) & ~(uintptr_t)15;
#if defined(__x86_64__)
	void **sp = (void **)top - 9;
	memset(sp, 0, 9 * sizeof *sp);
	sp[2] = arg;
	sp[3] = (void *)(uintptr_t)entry;
	sp[6] = (void *)(uintptr_t)context_start;
#else
	void **sp = (void **)top - 20;
	memset(sp, 0, 20 * sizeof *sp);
	sp[0] = (void *)(uintptr_t)entry;
	sp[1] = arg;
	sp[11] = (void *)(uintptr_t)context_start;
#endif
	context->sp = sp;
}

#endif
