#include "daemon/server/server_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include "daemon/peer.h"
#include "pool/pool.h"
#include "pool/server.h"

static void describe_target(const struct server *server, char *text, size_t size)
{
	const struct database *database;
	struct settings *settings = pool_settings(server->pool, &database);
	const char *host = database != NULL ? database->host : NULL;

	snprintf(text, size, "%s:%s", host != NULL ? host : "unix", database_port(database));
	settings_drop(settings);
}

/* One end of its socket, or, while there is none, what the configuration says. */
static void describe_end(const struct server *server,
			 int (*get)(int fd, struct sockaddr *address, socklen_t *length), char *text,
			 size_t size)
{
	struct peer peer = peer_of_socket(server_socket(server), server_port(server), get);

	if (peer.family == AF_UNSPEC)
		describe_target(server, text, size);
	else
		peer_text(&peer, text, size);
}

void server_log(struct log *log, enum log_level level, const struct server *server,
		const char *format, ...)
{
	const struct pool *pool = server->pool;
	char address[PEER_TEXT_BYTES + 8];
	char subject[256];
	va_list arguments;

	describe_end(server, getpeername, address, sizeof address);
	snprintf(subject, sizeof subject, "S-0x%llx: %.80s/%.80s@%s",
		 (unsigned long long)server->id, pool->database_name, pool->user_name, address);
	va_start(arguments, format);
	log_vwrite(log, level, subject, format, arguments);
	va_end(arguments);
}

void server_log_new(struct log *log, const struct server *server)
{
	char address[PEER_TEXT_BYTES + 8];

	describe_end(server, getsockname, address, sizeof address);
	server_log(log, LEVEL_LOG, server, "new connection to server (from %s)", address);
}
