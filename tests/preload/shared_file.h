#pragma once
/* The file in which a preloaded library and its test talk to each other, mapped by both. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Maps the file that the environment variable names, made if it is new. Aborts when that cannot be done. */
static inline void *shared_file(const char *variable, size_t size)
{
	const char *path = getenv(variable);
	int fd = path != NULL ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
		abort();
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		abort();
	close(fd);
	return shared;
}
