/*
 * A temporary folder for the files of one test program; it is removed when the program ends.
 */
#ifndef MILLPOND_TESTS_UNIT_SCRATCH_H
#define MILLPOND_TESTS_UNIT_SCRATCH_H

#include <stddef.h>

/* The folder; made by the first call. */
const char *scratch_dir(void);

/* The path of a file in it, valid until the program ends. */
const char *scratch_path(const char *name);

/* Writes a file into it, and returns its path. */
const char *scratch_write(const char *name, const char *text);
const char *scratch_write_bytes(const char *name, const void *bytes, size_t length);

#endif
