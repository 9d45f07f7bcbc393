/*
 * The addresses of PostgreSQL's sockets on this machine, which Millpond's own are like.
 * Source: unix(7); PostgreSQL manual, "Connections and Authentication" (unix_socket_directories).
 */
#ifndef MILLPOND_DAEMON_UNIX_SOCKET_H
#define MILLPOND_DAEMON_UNIX_SOCKET_H

#include <sys/socket.h>
#include <sys/un.h>

/*
 * Fills in the address of the socket for a port in a folder; or of an abstract one, which is no file, where an '@'
 * stands in front. Answers its length. 0 with errno: it is too long.
 */
socklen_t unix_socket_address(struct sockaddr_un *address, const char *folder, const char *port);

#endif
