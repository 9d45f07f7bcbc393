/*
 * The admin console: the database `millpond` (or `pgbouncer`), where SHOW looks at the process and
 * other commands steer it. Speaks the simple and the extended query protocol.
 */
#ifndef MILLPOND_CONSOLE_CONSOLE_H
#define MILLPOND_CONSOLE_CONSOLE_H

#include <stdbool.h>

#include "protocol/failure.h"
#include "protocol/writer.h"

struct session;

/* Whether it is who runs the process, over the Unix socket, and needs no password. */
bool console_is_asked_by_owner(const struct session *session);

/* Whether the session's user may use the console; sets session->is_admin. */
bool console_admits(struct session *session, struct failure *why);

/* The parameters of the welcome. */
void console_write_parameters(struct writer *writer);

/* Answers what has come. True: the session goes on. */
bool await_console(struct session *session, struct failure *why);

#endif
