#include "daemon/unix_socket.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

socklen_t unix_socket_address(struct sockaddr_un *address, const char *folder, const char *port)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	int length = snprintf(address->sun_path, sizeof address->sun_path, "%s/.s.PGSQL.%s", folder,
			      port);
	if (length < 0 || (size_t)length >= sizeof address->sun_path) {
		errno = ENAMETOOLONG;
		return 0;
	}
	/* Of a file's name the terminating zero counts. */
	if (folder[0] == '@')
		address->sun_path[0] = '\0';
	else
		length++;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length);
}
