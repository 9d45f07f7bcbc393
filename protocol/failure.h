/*
 * What went wrong, completely: enough to tell the client, to log and to count. The one who finds a
 * failure fills it in; `false` from a function with a `struct failure *why` means only "failed, and
 * `why` says so", and everything is still alive.
 */
#ifndef MILLPOND_PROTOCOL_FAILURE_H
#define MILLPOND_PROTOCOL_FAILURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum failure_kind {
	FAILURE_NONE,
#define FAILURE(kind, ...) FAILURE_##kind,
#include "protocol/failure.def"
};

struct failure {
	enum failure_kind kind;
	char sqlstate[6];
	bool told; /* the client has already been sent an error about it */
	char message[256];
	char detail[320]; /* "": none */
	const char *hint; /* a literal, in place of the kind's; NULL: that */
};

/* Fills in `why`: the arguments are those of the kind's message. Always false, for `return`. */
bool failure_set(struct failure *why, enum failure_kind kind, ...);

/* Adds a detail sentence. Always false, for `return`. */
__attribute__((format(printf, 2, 3))) bool failure_detail(struct failure *why, const char *format,
							  ...);

/* The detail "WHAT 1.2 s; SETTING is 1 s.", of times in microseconds. Always false, for `return`. */
bool failure_limit(struct failure *why, const char *what, int64_t taken_us, const char *setting,
		   int64_t limit_us);

/* "FATAL" or "ERROR". */
const char *failure_severity(const struct failure *why);

/* What to do about it, or NULL. */
const char *failure_hint(const struct failure *why);

/* Fills in `why` from an ErrorResponse body: its SQLSTATE, message and detail, under `kind`. Always false, for
 * `return`. */
bool failure_from_server(struct failure *why, enum failure_kind kind, const char *body,
			 size_t length);

#endif
