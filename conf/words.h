/*
 * The fields of a line in an HBA or ident file: words, some of them in quotes, in lists with commas.
 * Source: PostgreSQL manual, "The pg_hba.conf File".
 */
#ifndef MILLPOND_CONF_WORDS_H
#define MILLPOND_CONF_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/fault.h"

struct word {
	char *text;
	bool is_quoted; /* so it is a name, and never a keyword */
};

struct word_list {
	struct word *words;
	size_t count;
};

/*
 * Takes the next field off the line; `list` is empty or released before. False: there are no more, or
 * `*wrong` says what is wrong with the line (it is NULL otherwise).
 */
bool words_next(const char **line, struct word_list *list, const char **wrong);

/*
 * A copy of the line as PgBouncer reads it: outside of quotes all that isspace() knows is blank, and no blank in front
 * of a comma counts.
 */
char *words_loosen(const char *line);

/*
 * Replaces each `@file` by the words in that file, which lies beside `including` unless its name is
 * absolute. What is wrong with a file goes to `faults`, said of `including` and `line`.
 */
void words_expand(struct word_list *list, const char *including, int line,
		  struct fault_list *faults);

/* Whether it is the keyword, which is one only without quotes. */
bool word_is_keyword(const struct word *word, const char *keyword);

bool word_is_equal(const struct word *one, const struct word *other);

/* Whether the list has the name, or the keyword. */
bool words_have(const struct word_list *list, const char *name);
bool words_have_keyword(const struct word_list *list, const char *keyword);

bool words_are_equal(const struct word_list *one, const struct word_list *other);

/* The list as it could stand in a file, without an end if it does not fit. */
void words_print(const struct word_list *list, char *buffer, size_t bytes);

void words_release(struct word_list *list);

#endif
