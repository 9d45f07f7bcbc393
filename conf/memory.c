#include "conf/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES 100
#define PAUSE_NS 10000000L

/* Between two tries to get memory. */
static void wait_for_memory(unsigned *tries)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	if (++*tries == TRIES)
		abort();
	nanosleep(&pause, NULL);
}

void *memory_zeroed(size_t bytes)
{
	unsigned tries = 0;
	void *memory;

	while (!(memory = calloc(1, bytes ? bytes : 1)))
		wait_for_memory(&tries);
	return memory;
}

void *memory_grow(void *items, size_t count, size_t item_bytes)
{
	bool is_full = (count & (count - 1)) == 0; /* 0, 1, 2, 4, 8, ... */
	size_t capacity = count ? count * 2 : 1;
	unsigned tries = 0;
	void *grown;

	if (!is_full)
		return items;
	while (!(grown = reallocarray(items, capacity, item_bytes)))
		wait_for_memory(&tries);
	return grown;
}

char *text_copy(const char *text)
{
	return text ? text_copy_part(text, strlen(text)) : NULL;
}

char *text_copy_part(const char *text, size_t length)
{
	unsigned tries = 0;
	char *copy;

	while (!(copy = strndup(text, length)))
		wait_for_memory(&tries);
	return copy;
}

bool text_is_same(const char *one, const char *other)
{
	return one == other || (one && other && strcmp(one, other) == 0);
}

void text_wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

char *text_vformat(const char *format, va_list arguments)
{
	unsigned tries = 0;
	char *text;

	for (;;) {
		va_list again;
		va_copy(again, arguments);
		int length = vasprintf(&text, format, again);
		va_end(again);
		if (length >= 0)
			return text;
		wait_for_memory(&tries);
	}
}

char *text_format(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	char *text = text_vformat(format, arguments);
	va_end(arguments);
	return text;
}
