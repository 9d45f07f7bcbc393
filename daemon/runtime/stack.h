/*
 * Stacks for coroutines: mmap()ed, with a guard page below, so that one that overflows faults
 * instead of writing into its neighbour.
 *
 *	low					     high
 *	| guard page |  ... grows down ...  | usable top |
 */
#ifndef MILLPOND_RUNTIME_STACK_H
#define MILLPOND_RUNTIME_STACK_H

#include <stddef.h>

/* Logging in to a server with libpq, TLS and SCRAM needs 13 to 15 KiB; sanitizers a multiple. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE_BYTES ((size_t)256 * 1024)
#else
#define STACK_SIZE_BYTES ((size_t)64 * 1024)
#endif

/* Gives a stack of STACK_SIZE_BYTES (its lowest usable address), or NULL with errno. */
void *stack_map(void);
void stack_unmap(void *stack);

/*
 * How deep a stack was used, in bytes: debug builds paint new stacks and look for the first
 * byte that changed; other builds answer 0.
 */
size_t stack_high_water(const void *stack);

#endif
