/*
 * Counts the allocations of a program that runs with LD_PRELOAD=count_allocations.so, in the file named by
 * ALLOCATIONS: eight bytes, in the byte order of the machine, that always hold the number so far.
 *
 * The functions are those of the GNU C library's manual, "Replacing malloc"; the work is left to its own.
 */
#include <stdatomic.h>
#include <stdint.h>

#include "tests/preload/shared_file.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

/* What is allocated before the file is there is counted for nobody. */
static _Atomic uint64_t before;
static _Atomic uint64_t *counter = &before;

__attribute__((constructor)) static void open_counter(void)
{
	counter = shared_file("ALLOCATIONS", sizeof *counter);
}

void *malloc(size_t size)
{
	atomic_fetch_add(counter, 1);
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	atomic_fetch_add(counter, 1);
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	atomic_fetch_add(counter, 1);
	return __libc_realloc(old, size);
}
