/*
 * Memory for the reading of a configuration. These never return NULL: where the few bytes of a setting are
 * not to be had they try again for a second, for which a running daemon has a helper thread, and then
 * abort.
 */
#ifndef MILLPOND_CONF_MEMORY_H
#define MILLPOND_CONF_MEMORY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Zeroed memory, to be freed with free(). */
void *memory_zeroed(size_t bytes);

/*
 * Makes room for one item more in an array that holds `count`, by powers of two; returns the array,
 * which may have moved. The capacity is not stored: it follows from the count.
 */
void *memory_grow(void *items, size_t count, size_t item_bytes);

/* A copy of a text, or of its first `length` bytes; a NULL text has a NULL copy. */
char *text_copy(const char *text);
char *text_copy_part(const char *text, size_t length);

/* Whether two texts are the same; NULL is as NULL alone. */
bool text_is_same(const char *one, const char *other);

/* Frees a text that may hold a password, and leaves nothing of it; NULL is none. */
void text_wipe(char *text);

/* A text made as by printf(), or vprintf(). */
__attribute__((format(printf, 1, 2))) char *text_format(const char *format, ...);
__attribute__((format(printf, 1, 0))) char *text_vformat(const char *format, va_list arguments);

#endif
