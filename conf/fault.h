/*
 * What is wrong with a configuration: a list of faults, each with its file, line and sentence, so
 * that all of them can be shown at once.
 */
#ifndef MILLPOND_CONF_FAULT_H
#define MILLPOND_CONF_FAULT_H

#include <stddef.h>
#include <stdio.h>

struct fault {
	char *file;
	int line; /* 1-based; 0: the file as a whole */
	char *text;
};

struct fault_list {
	struct fault *faults;
	size_t count;
};

void fault_list_init(struct fault_list *list);
void fault_list_release(struct fault_list *list);

/* Adds a fault; the texts are copied. */
__attribute__((format(printf, 4, 5))) void fault_add(struct fault_list *list, const char *file,
						     int line, const char *format, ...);

/* Takes back all but the first `count`. */
void fault_list_cut(struct fault_list *list, size_t count);

/* Prints one `FILE:LINE: text` line a fault. */
void fault_list_print(const struct fault_list *list, FILE *stream);

#endif
