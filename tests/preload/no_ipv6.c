/* A program that runs with LD_PRELOAD=no_ipv6.so has no IPv6, as where the kernel is built without it. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int socket(int family, int type, int protocol)
{
	if (family != AF_INET6)
		return (int)syscall(SYS_socket, family, type, protocol);
	errno = EAFNOSUPPORT;
	return -1;
}
