/*
 * To be preloaded together with libpam_wrapper by a daemon with a sanitizer, which refuses libraries
 * that are loaded with names of their own (RTLD_DEEPBIND).
 */
#define _GNU_SOURCE
#include <dlfcn.h>

void *dlopen(const char *path, int flags)
{
	void *(*next)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");

	return next(path, flags & ~RTLD_DEEPBIND);
}
