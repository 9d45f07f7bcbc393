#include "tests/unit/scratch.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];
static pid_t owner;

/* Every path that was handed out, so that a leak checker finds them. */
static char *paths[1024];
static size_t path_count;

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* A child that the test forked must not take the folder with it. */
static void remove_all(void)
{
	if (getpid() == owner)
		nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	while (path_count > 0)
		free(paths[--path_count]);
}

const char *scratch_dir(void)
{
	if (!folder[0]) {
		snprintf(folder, sizeof(folder), "/tmp/millpond-test-XXXXXX");
		if (!mkdtemp(folder))
			abort();
		owner = getpid();
		atexit(remove_all);
	}
	return folder;
}

const char *scratch_path(const char *name)
{
	char **path = &paths[path_count++];

	if (path_count > sizeof(paths) / sizeof(paths[0]) ||
	    asprintf(path, "%s/%s", scratch_dir(), name) < 0)
		abort();
	return *path;
}

const char *scratch_write_bytes(const char *name, const void *bytes, size_t length)
{
	const char *path = scratch_path(name);
	FILE *file = fopen(path, "w");

	if (!file || fwrite(bytes, 1, length, file) != length || fclose(file) != 0)
		abort();
	return path;
}

const char *scratch_write(const char *name, const char *text)
{
	return scratch_write_bytes(name, text, strlen(text));
}
