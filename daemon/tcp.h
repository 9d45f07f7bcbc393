/*
 * The options of TCP sockets, as the tcp_... settings have them. What the kernel does not take is left as
 * it is. Source: tcp(7), socket(7).
 */
#ifndef MILLPOND_DAEMON_TCP_H
#define MILLPOND_DAEMON_TCP_H

#include "conf/settings.h"

/*
 * Accepted sockets inherit all options of the one that listens, which saves calls at each login; so this is
 * to be called again when settings have changed. A setting of 0 brings back the system's default.
 */
void tcp_tune_listener(int fd, const struct settings *settings);

/* tcp_socket_buffer, unless the socket is a Unix one; 0 leaves the size to the kernel. */
void tcp_set_buffers(int fd, const struct settings *settings);

/* One option with a number for its value. */
void tcp_set_option(int fd, int level, int option, int value);

#endif
