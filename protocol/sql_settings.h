/*
 * Which run-time parameters an SQL text changes for longer than its transaction: SET, RESET, DISCARD ALL, calls of
 * set_config(), and an UPDATE of pg_settings; also in the block of a DO. What a function of the user's own sets is not
 * seen.
 * Source: PostgreSQL manual, SET, RESET, SET ROLE, SET TRANSACTION, DISCARD, "Configuration Settings Functions".
 */
#ifndef MILLPOND_PROTOCOL_SQL_SETTINGS_H
#define MILLPOND_PROTOCOL_SQL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

enum sql_setting {
	SQL_SETS,
	SQL_RESETS,	  /* RESET, or SET ... TO DEFAULT */
	SQL_RESETS_ALL,	  /* no name */
	SQL_SETS_UNKNOWN, /* no name: that is an expression, or nothing of ASCII */
};

/* PostgreSQL's own names have up to 63 bytes, those of extensions several parts. */
#define SQL_PARAMETER_BYTES 128

/* Takes a text for a name, with a zero at its end. False: it is too long, or of other signs than such as can stand between
 * any quotes. */
bool sql_parameter_name(char name[SQL_PARAMETER_BYTES], const char *text, size_t length);

/* Whether a text may be of interest: for the hot path. */
bool sql_may_set(const char *text, size_t length);

/* Calls `each` for every change that a text may make, however its quotes have to be read. */
void sql_each_setting(const char *text, size_t length,
		      void (*each)(void *context, enum sql_setting setting, const char *name),
		      void *context);

/* Whether a text is one SET of one parameter whose value, as the server tells it, depends on that text alone, if it takes it;
 * `name` is the parameter's. */
bool sql_is_plain_set(const char *text, size_t length, char name[SQL_PARAMETER_BYTES]);

#endif
