/*
 * The question about settings that a server does not report: what they are now, and where RESET leads. A SELECT, of which
 * each row tells of one.
 * Source: PostgreSQL manual, "Configuration Settings Functions".
 */
#ifndef MILLPOND_RELAY_SETTING_QUESTION_H
#define MILLPOND_RELAY_SETTING_QUESTION_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/sql_settings.h"

struct message;
struct parameters;
struct writer;

/* Asked for always, and told first: another one may not be allowed to see the rest. */
#define ROLE "role"
/* Of a longer value one byte more is told. */
#define LONGEST_TOLD_VALUE 8192

/* Writes the question about the role and some of the names. */
void setting_question_write(struct writer *sql, const struct parameters *names, size_t from,
			    size_t to);

struct told_setting {
	char name[SQL_PARAMETER_BYTES];
	char *value; /* NULL: there is no such parameter */
	char *start;
};

/* To be released, whatever it answers. False without memory. */
bool setting_question_read(const struct message *row, struct told_setting *told);
void told_setting_release(struct told_setting *told);

#endif
