/*
 * The console's commands that change something, in whatever thread it belongs to. Each acts at once,
 * or fails with an ERROR; for those that answer only when all is done there is a second function,
 * which tells whether it is. An empty argument means all databases.
 */
#ifndef MILLPOND_DAEMON_STEER_H
#define MILLPOND_DAEMON_STEER_H

#include <stdbool.h>

#include "protocol/failure.h"
#include "protocol/writer.h"

struct command;
struct session;

/* `session` is the console's. */
bool await_steer_reload(struct session *session, const char *nothing, struct failure *why);
bool steer_pause(struct session *session, const char *database_name, struct failure *why);
bool await_steer_suspend(struct session *session, const char *nothing, struct failure *why);
bool await_steer_resume(struct session *session, const char *database_name, struct failure *why);
bool steer_disable(struct session *session, const char *database_name, struct failure *why);
bool steer_enable(struct session *session, const char *database_name, struct failure *why);
bool steer_reconnect(struct session *session, const char *database_name, struct failure *why);
bool await_steer_kill(struct session *session, const char *database_name, struct failure *why);
bool await_steer_kill_client(struct session *session, const char *id, struct failure *why);
bool steer_wait_close(struct session *session, const char *database_name, struct failure *why);

/* Writes a notice where a value cannot be used for TLS, and that stays as it is. */
bool await_steer_set(struct session *session, const struct command *command, struct writer *writer,
		     struct failure *why);

/* A notice about what a reload has left for a restart, if there is any. */
void steer_write_pending(struct writer *writer, const struct session *session);

/* At once, which fails with a FATAL failure that needs no telling: the session ends with the rest. */
bool await_steer_shutdown(struct session *session, const char *what_for, struct failure *why);

/* No server is left; or the pause was ended before. */
bool steer_is_paused(const struct session *session, const char *database_name);

/* All clients hold still; or RESUME came before that. */
bool steer_is_suspended(const struct session *session, const char *nothing);

/* No server is left that is not to be lent again. */
bool steer_is_renewed(const struct session *session, const char *database_name);

#endif
