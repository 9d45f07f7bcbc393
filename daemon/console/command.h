/*
 * The console's language: one command of one or two words, or SET. Words are [0-9a-z_]+ in any case,
 * or anything between double quotes, of which two within stand for one; one semicolon may end the command.
 * Beyond PgBouncer, SHOW may be followed by WHERE, ORDER BY and LIMIT (see daemon/console/selection.h). Pure.
 */
#ifndef MILLPOND_CONSOLE_COMMAND_H
#define MILLPOND_CONSOLE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/console/selection.h"

enum command_form {
	COMMAND_INVALID,
	COMMAND_TOO_LONG, /* a word of it is */
	COMMAND_EMPTY,
	COMMAND_WORDS, /* verb [argument] */
	COMMAND_SET,   /* SET argument = value, or SET argument TO 'value' */
};

/* The sizes are PgBouncer's. What was not given is "". */
struct command {
	enum command_form form;
	char verb[16];
	char argument[64];
	char value[256];
	struct selection selection; /* of SHOW */
};

/* The text needs no terminating zero. Words are copied without their quotes. */
void command_parse(const char *text, size_t length, struct command *command);

/* Whether its verb is SHOW, or SELECT, which stands for it. */
bool command_is_show(const struct command *command);

#endif
