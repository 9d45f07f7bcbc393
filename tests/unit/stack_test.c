/* A stack that overflows faults on its guard page, and its memory is given back. */
#include "daemon/runtime/stack.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/in_loop.h"
#include "tests/unit/tap.h"

static bool is_mapped(const void *stack)
{
	unsigned char resident;
	return mincore((void *)(uintptr_t)stack, 1, &resident) == 0;
}

static void test_mapping(void)
{
	char *stack = stack_map();
	ok(stack != NULL && is_mapped(stack), "a stack is mapped");
	memset(stack, 1, STACK_SIZE_BYTES);
	ok(stack[0] == 1 && stack[STACK_SIZE_BYTES - 1] == 1, "all of it can be written");
	stack_unmap(stack);
	ok(!is_mapped(stack), "and is gone when unmapped");
}

static void test_high_water(void)
{
#ifdef DEBUG
	unsigned char *stack = stack_map();
	is_int(stack_high_water(stack), 0, "nothing of a new stack was used");
	stack[STACK_SIZE_BYTES - 1000] = 1;
	is_int(stack_high_water(stack), 1000, "the deepest byte that changed counts");
	stack_unmap(stack);
#else
	ok(true, "high-water mark # SKIP debug builds only");
#endif
}

/* --- the guard ---------------------------------------------------------------------------- */

/* Not a tail call, and each frame touches its room, as a real overflow would. */
static int go_deeper(int left, const volatile char *above)
{
	volatile char room[512];
	room[0] = *above;
	return left == 0 ? room[0] : go_deeper(left - 1, room) + room[0];
}

static void overflow(void *arg)
{
	volatile char first = 1;
	(void)arg;
	/* Twice the stack: without a guard it would run into what lies below, and end well. */
	go_deeper((int)(2 * STACK_SIZE_BYTES / 512), &first);
	_exit(0);
}

static void overflow_beside_others(void)
{
	/* Something mapped must lie below, or a missing guard would go unnoticed. */
	for (int i = 0; i < 8; i++)
		if (stack_map() == NULL)
			_exit(2);
	start(overflow, NULL);
	await_sleep(&loop, after(5000));
	_exit(3);
}

static void test_guard(void)
{
	if (SANITIZED) {
		ok(true, "an overflow dies by SIGSEGV # SKIP sanitizers report it themselves");
		return;
	}
	pid_t child = fork();
	if (child == 0) {
		struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		in_loop(overflow_beside_others);
		_exit(4);
	}
	int status;
	waitpid(child, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
	   "a coroutine that overflows its stack dies by SIGSEGV and does not go on");
}

/* Without the fault: the page below a stack is there, and may not be touched. */
static void test_page_below(void)
{
	char *stack = stack_map();
	int ends[2];

	if (stack == NULL || pipe(ends) != 0)
		abort();
	ok(write(ends[1], stack, 1) == 1, "the lowest byte of a stack can be read");
	ok(write(ends[1], stack - 1, 1) == -1, "the one below it cannot");
	ok(write(ends[1], stack - sysconf(_SC_PAGESIZE), 1) == -1, "nor can a page below");
	close(ends[0]);
	close(ends[1]);
	stack_unmap(stack);
}

int main(void)
{
	test_mapping();
	test_high_water();
	test_guard();
	test_page_below();
	return done();
}
