/*
 * Log lines about server connections: "S-7: db/user@addr:port message".
 */
#ifndef MILLPOND_SERVER_SERVER_LOG_H
#define MILLPOND_SERVER_SERVER_LOG_H

#include "daemon/log.h"

struct server;

__attribute__((format(printf, 4, 5))) void server_log(struct log *log, enum log_level level,
						      const struct server *server,
						      const char *format, ...);

/* The line that says that it has logged in. */
void server_log_new(struct log *log, const struct server *server);

#endif
