#include "daemon/runtime/chunk.h"

#include <stdlib.h>
#include <string.h>

bool chunk_append(struct chunk **chunk, const void *data, size_t length)
{
	struct chunk *old = *chunk;
	size_t held = old == NULL ? 0 : old->end - old->start;

	if (old != NULL && old->capacity - old->end < length && old->start > 0) {
		memmove(old->bytes, old->bytes + old->start, held);
		old->start = 0;
		old->end = held;
	}
	if (old == NULL || old->capacity - old->end < length) {
		size_t capacity = held + length + (old == NULL ? 0 : held);
		struct chunk *grown = realloc(old, sizeof *grown + capacity);
		if (grown == NULL)
			return false;
		grown->capacity = capacity;
		if (old == NULL)
			grown->start = grown->end = 0;
		*chunk = old = grown;
	}
	memcpy(old->bytes + old->end, data, length);
	old->end += length;
	return true;
}

void chunk_free(struct chunk **chunk)
{
	free(*chunk);
	*chunk = NULL;
}
