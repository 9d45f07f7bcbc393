/*
 * Lets allocations of one size fail in a program that runs with LD_PRELOAD=fail_allocations.so: the file
 * named by FAILING holds that size and how often it is to fail, which is counted down. Both take eight
 * bytes, in the byte order of the machine; a size of zero fails nothing.
 *
 * The functions are those of the GNU C library's manual, "Replacing malloc"; the work is left to its own.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/preload/shared_file.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

struct failing {
	_Atomic uint64_t size;
	_Atomic uint64_t times;
};

static struct failing nothing;
static struct failing *failing = &nothing;

__attribute__((constructor)) static void open_file(void)
{
	failing = shared_file("FAILING", sizeof *failing);
}

static bool fails(size_t size)
{
	if (size == 0 || size != atomic_load(&failing->size) || atomic_load(&failing->times) == 0)
		return false;
	atomic_fetch_sub(&failing->times, 1);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails(size) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails(count * size) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails(size) ? NULL : __libc_realloc(old, size);
}
