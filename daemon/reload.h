/*
 * New settings while the process runs: from the file again, or one of them from the console. All or
 * nothing, and without blocking the loop: files are read in a helper thread.
 */
#ifndef MILLPOND_DAEMON_RELOAD_H
#define MILLPOND_DAEMON_RELOAD_H

#include <stdbool.h>

#include "protocol/failure.h"

struct daemon;

/*
 * Reads the configuration again, in a coroutine of the first worker. False when it is faulty; the log
 * says where, and nothing has changed.
 */
bool await_reload(struct daemon *daemon);

/*
 * Gives a setting another value until the next reload, in a coroutine of the first worker. False: `why`
 * says what is wrong with it. With `keeps_tls` it is a setting of TLS that cannot be used as it is; then
 * what is offered and asked for has not changed, which the log explains.
 */
bool await_set(struct daemon *daemon, const char *name, const char *value, bool *keeps_tls,
	       struct failure *why);

#endif
