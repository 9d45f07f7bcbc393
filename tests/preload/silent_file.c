/*
 * Lets a program that runs with LD_PRELOAD=silent_file.so wait for ever for the file named by SILENT_FILE, as for one of
 * another machine that does not answer.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

FILE *fopen(const char *path, const char *mode)
{
	static FILE *(*next)(const char *path, const char *mode);

	if (next == NULL)
		next = (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, "fopen");
	while (strcmp(path, getenv("SILENT_FILE")) == 0)
		pause();
	return next(path, mode);
}
