/*
 * The text forms of single values. The readers take the whole text or nothing: `12x` is no number.
 */
#ifndef MILLPOND_CONF_VALUE_H
#define MILLPOND_CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest duration that can be written. */
#define DURATION_MAX_SECONDS 2147483647

/* A whole number as in C: decimal, 0x..., or octal with a leading 0. */
bool value_read_number(const char *text, int64_t *number);
bool value_read_int(const char *text, int min, int max, int *value);

/* Without the zeros in front, so that 010 is read as ten; 0x10 and 0 stay what they are. */
const char *value_without_zeros(const char *text);

/* Decimal seconds, or a number with us, ms, s, min, h or d; in microseconds, above 0 at least one. */
bool value_read_duration(const char *text, int64_t *microseconds);

/* 1, on, true, yes; 0, off, false, no. */
bool value_read_flag(const char *text, bool *value);

/* In seconds, with as many decimals as it takes. */
void value_print_duration(int64_t microseconds, char *buffer, size_t bytes);

#endif
