/*
 * Folding: a block of memory that is mostly zeros, and not touched for a while, kept as the words
 * of it that are none.
 */
#ifndef MILLPOND_RUNTIME_FOLD_H
#define MILLPOND_RUNTIME_FOLD_H

#include <stddef.h>

/* Blocks have up to so many bytes, and whole words. */
#define FOLD_MOST_BYTES ((size_t)8192)

struct folded;

/* What is in the block, for unfold(). NULL: no memory. */
struct folded *fold(const void *block, size_t bytes);

/* Puts it back into the block, which is all zeros by now, wipes and frees it. */
void unfold(struct folded *folded, void *block);

/* How many bytes it takes; for tests. */
size_t folded_bytes(const struct folded *folded);

#endif
