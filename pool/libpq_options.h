/*
 * What the libpq that runs here can be told: it is the machine's, and may be older than a keyword.
 * Source: PostgreSQL manual, "Database Connection Control Functions" (libpq).
 */
#ifndef MILLPOND_POOL_LIBPQ_OPTIONS_H
#define MILLPOND_POOL_LIBPQ_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Its version, as 150018 for 15.18. */
int libpq_version(void);

/* Whether it has that keyword. */
bool libpq_knows(const char *keyword);

/* The first keyword that it does not have of keyword, value, ..., NULL; or NULL. NULL may be given as well. */
const char *libpq_lacks(char *const *pairs);

/* An address that is none, so that libpq gets no further. */
#define LIBPQ_NOWHERE "nowhere"

/*
 * Whether it takes keywords and values (both end with NULL), the last ones being hostaddr=LIBPQ_NOWHERE and a user.
 * False: its first line goes to `why`. It opens no connection, and blocks on nothing.
 */
bool libpq_takes(const char *const *keywords, const char *const *values, char *why, size_t size);

#endif
