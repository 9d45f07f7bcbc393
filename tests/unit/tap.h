/*
 * The few checks that unit tests in C need; they print TAP for `prove`.
 *
 *	int main(void)
 *	{
 *		ok(pool_is_empty(pool), "a new pool is empty");
 *		is_int(pool->count, 3, "three servers");
 *		is_text(server->name, "first", "the first one");
 *		return done();
 *	}
 *
 * A failed check says where it stands and what it saw, and the test goes on; each check returns
 * whether it passed. done() prints the plan and returns the exit status.
 */
#ifndef MILLPOND_TESTS_UNIT_TAP_H
#define MILLPOND_TESTS_UNIT_TAP_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count;
static int tap_failures;

/* Prints one result; a name may be a format with arguments. */
__attribute__((format(printf, 4, 5), unused)) static bool
tap_check(bool passed, const char *file, int line, const char *format, ...)
{
	__builtin_va_list arguments;

	tap_count++;
	printf("%sok %d - ", passed ? "" : "not ", tap_count);
	__builtin_va_start(arguments, format);
	vprintf(format, arguments);
	__builtin_va_end(arguments);
	printf("\n");
	if (!passed) {
		tap_failures++;
		printf("#   failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return passed;
}

__attribute__((unused)) static bool tap_saw_int(bool passed, intmax_t got, intmax_t wanted)
{
	if (!passed)
		printf("#   got    %" PRIdMAX "\n#   wanted %" PRIdMAX "\n", got, wanted);
	return passed;
}

__attribute__((unused)) static bool tap_saw_text(bool passed, const char *got, const char *wanted)
{
	if (!passed)
		printf("#   got    %s\n#   wanted %s\n", got ? got : "(null)",
		       wanted ? wanted : "(null)");
	return passed;
}

__attribute__((unused)) static bool tap_same_text(const char *one, const char *other)
{
	return one == other || (one && other && strcmp(one, other) == 0);
}

#define ok(condition, ...) tap_check((condition), __FILE__, __LINE__, __VA_ARGS__)

#define is_int(got, wanted, ...)                                                              \
	__extension__({                                                                       \
		intmax_t tap_got_ = (intmax_t)(got);                                          \
		intmax_t tap_wanted_ = (intmax_t)(wanted);                                    \
		tap_saw_int(ok(tap_got_ == tap_wanted_, __VA_ARGS__), tap_got_, tap_wanted_); \
	})

#define is_text(got, wanted, ...)                                                             \
	__extension__({                                                                       \
		const char *tap_got_ = (got);                                                 \
		const char *tap_wanted_ = (wanted);                                           \
		tap_saw_text(ok(tap_same_text(tap_got_, tap_wanted_), __VA_ARGS__), tap_got_, \
			     tap_wanted_);                                                    \
	})

/* A remark in the output. */
#define note(...)                         \
	do {                              \
		printf("# " __VA_ARGS__); \
		printf("\n");             \
	} while (0)

/* Ends a program that cannot run here: prove shows the reason. */
__attribute__((unused, noreturn)) static void skip_all(const char *reason)
{
	printf("1..0 # SKIP %s\n", reason);
	exit(0);
}

__attribute__((unused)) static int done(void)
{
	printf("1..%d\n", tap_count);
	if (tap_failures)
		printf("# %d of %d failed\n", tap_failures, tap_count);
	return tap_failures ? 1 : 0;
}

#endif
