#include "conf/memory.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_abort(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

void *memory_zeroed(size_t bytes)
{
	return or_abort(calloc(1, bytes ? bytes : 1));
}

void *memory_grow(void *items, size_t count, size_t item_bytes)
{
	bool is_full = (count & (count - 1)) == 0; /* 0, 1, 2, 4, 8, ... */
	size_t capacity = count ? count * 2 : 1;

	if (!is_full)
		return items;
	return or_abort(reallocarray(items, capacity, item_bytes));
}

char *text_copy(const char *text)
{
	return text ? or_abort(strdup(text)) : NULL;
}

char *text_copy_part(const char *text, size_t length)
{
	return or_abort(strndup(text, length));
}

void text_wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

char *text_format(const char *format, ...)
{
	va_list arguments;
	char *text;
	int length;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		abort();
	return text;
}
