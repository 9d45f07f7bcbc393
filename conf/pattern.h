/*
 * The regular expressions of auth_ident_file. They are PostgreSQL's; those of POSIX are what there is
 * here, so that what the two read differently is refused. \d, \s, \w and their opposites are translated, and
 * so are signs behind a backslash in brackets.
 * Source: PostgreSQL manual, "POSIX Regular Expressions"; the regex_t is glibc's in the locale C, in
 * which a byte is a letter, as it is in a server that still looks for the user.
 */
#ifndef MILLPOND_CONF_PATTERN_H
#define MILLPOND_CONF_PATTERN_H

#include <regex.h>
#include <stdbool.h>

enum { PATTERN_WHY_BYTES = 128 };

/*
 * Fills `pattern`, which is to be released with regfree(). With `asks_for_group` what the first group
 * matches counts as well, so that this must be the same in both. False: `why` says why it is not taken.
 */
bool pattern_compile(regex_t *pattern, const char *text, bool asks_for_group,
		     char why[PATTERN_WHY_BYTES]);

#endif
