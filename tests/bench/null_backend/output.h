#pragma once
/*
 * Replies that are not sent yet. The rows of a big result are not copied into it: they come from one
 * shared array and go out between what was put before them and what was put after.
 */
#include <stdbool.h>
#include <stddef.h>

struct output {
	char *bytes;
	size_t size, used, sent;
	size_t mark;	  /* where in `bytes` the shared rows belong */
	size_t rows_left; /* bytes of them still to send */
};

void output_prepare(void); /* once, before anything else */

void output_put(struct output *out, const void *bytes, size_t count);
void output_message(struct output *out, char type, const void *body, size_t count);
void output_big_rows(struct output *out);

bool output_is_empty(const struct output *out);

/* Sends what the socket accepts, in one call as a rule. False: the connection is lost. */
bool output_flush(struct output *out, int fd);
