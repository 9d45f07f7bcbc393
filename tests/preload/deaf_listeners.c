/*
 * Lets epoll_ctl() refuse listening sockets in a program that runs with LD_PRELOAD=deaf_listeners.so, as without
 * memory: so many times as the file named by DEAF says, where it is counted down. That takes eight bytes, in the
 * byte order of the machine.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "tests/preload/shared_file.h"

static _Atomic uint64_t nothing;
static _Atomic uint64_t *times = &nothing;

__attribute__((constructor)) static void open_file(void)
{
	times = shared_file("DEAF", sizeof *times);
}

static bool listens(int fd)
{
	int answer = 0;
	socklen_t length = sizeof answer;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &answer, &length) == 0 && answer != 0;
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	if (operation != EPOLL_CTL_ADD || atomic_load(times) == 0 || !listens(fd))
		return (int)syscall(SYS_epoll_ctl, epoll, operation, fd, event);
	atomic_fetch_sub(times, 1);
	errno = ENOMEM;
	return -1;
}
