/*
 * The console's commands that change something, in whatever thread it belongs to. Each acts at once,
 * or fails with an ERROR; for those that answer only when all is done there is a second function,
 * which tells how far it is. An empty argument means all databases.
 */
#ifndef MILLPOND_CONSOLE_ADMIN_H
#define MILLPOND_CONSOLE_ADMIN_H

#include <stdbool.h>

#include "protocol/failure.h"
#include "protocol/writer.h"

struct command;
struct session;

enum progress { UNDER_WAY, DONE, UNDONE /* RESUME came before that */ };

/* `session` is the console's. */
bool await_admin_reload(struct session *session, const char *nothing, struct failure *why);
bool admin_pause(struct session *session, const char *database_name, struct failure *why);
bool await_admin_suspend(struct session *session, const char *nothing, struct failure *why);
bool await_admin_resume(struct session *session, const char *database_name, struct failure *why);
bool admin_disable(struct session *session, const char *database_name, struct failure *why);
bool admin_enable(struct session *session, const char *database_name, struct failure *why);
bool admin_reconnect(struct session *session, const char *database_name, struct failure *why);
bool await_admin_kill(struct session *session, const char *database_name, struct failure *why);
bool await_admin_kill_client(struct session *session, const char *id, struct failure *why);
bool admin_wait_close(struct session *session, const char *database_name, struct failure *why);

/* Writes a notice where a value cannot be used for TLS, and that stays as it is. */
bool await_admin_set(struct session *session, const struct command *command, struct writer *writer,
		     struct failure *why);

/* A notice about what a reload has left for a restart, if there is any. */
void admin_write_pending(struct writer *writer, const struct session *session);

/* At once, which fails with a FATAL failure that needs no telling: the session ends with the rest. */
bool await_admin_shutdown(struct session *session, const char *what_for, struct failure *why);

/* No server of what was paused is left. */
enum progress admin_pause_progress(const struct session *session, const char *database_name);

/* All clients hold still. */
enum progress admin_suspend_progress(const struct session *session, const char *nothing);

/* No server is left that is not to be lent again. */
enum progress admin_renewal_progress(const struct session *session, const char *database_name);

#endif
