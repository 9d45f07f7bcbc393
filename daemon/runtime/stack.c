#include "daemon/runtime/stack.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAINT 0xA5

static size_t guard_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

void *stack_map(void)
{
	size_t guard = guard_bytes();
	char *map = mmap(NULL, guard + STACK_SIZE_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	/* Without its guard a stack that overflows would write into its neighbour. */
	if (mprotect(map, guard, PROT_NONE) != 0) {
		munmap(map, guard + STACK_SIZE_BYTES);
		return NULL;
	}
#ifdef DEBUG
	memset(map + guard, PAINT, STACK_SIZE_BYTES);
#endif
	return map + guard;
}

void stack_unmap(void *stack)
{
	munmap((char *)stack - guard_bytes(), guard_bytes() + STACK_SIZE_BYTES);
}

size_t stack_high_water(const void *stack)
{
#ifdef DEBUG
	const unsigned char *bytes = stack;
	size_t untouched = 0;
	while (untouched < STACK_SIZE_BYTES && bytes[untouched] == PAINT)
		untouched++;
	return STACK_SIZE_BYTES - untouched;
#else
	(void)stack;
	return 0;
#endif
}
