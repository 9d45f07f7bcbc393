/*
 * SHOW FDS: the sockets of the process, by number. PgBouncer passes the sockets themselves along, for a
 * process that takes over from it; that is not how Millpond is replaced, and secrets are not shown.
 */
#include <sys/socket.h>

#include "conf/array.h"
#include "daemon/console/show.h"
#include "daemon/daemon.h"
#include "daemon/relay/upstream.h"
#include "daemon/session.h"
#include "daemon/session_walk.h"
#include "daemon/worker.h"
#include "pool/pools.h"
#include "protocol/message.h"

static void put_address(struct table *table, const struct peer *peer)
{
	char host[PEER_TEXT_BYTES] = "unix";

	if (peer->family != AF_UNIX)
		peer_host(peer, host, sizeof host);
	table_text(table, host);
	table_number(table, peer->port);
}

/* What is set, and where that says nothing, what it began with; either may be NULL. */
static void put_parameters(struct table *table, const struct parameters *set,
			   const struct parameters *base)
{
	static const char *const names[] = {"client_encoding", "standard_conforming_strings",
					    "DateStyle", "TimeZone"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = set == NULL ? NULL : parameters_get(set, names[i]);
		if (value == NULL && base != NULL)
			value = parameters_get(base, names[i]);
		table_text(table, value);
	}
	for (int secret = 0; secret < 3; secret++)
		table_text(table, NULL);
}

static void put_listener(struct table *table, const struct listener *listener)
{
	uint16_t port = (uint16_t)listener->worker->settings->listen_port;
	struct peer peer = peer_of_socket(listener->fd, port, getsockname);

	table_number(table, listener->fd);
	table_text(table, "pooler");
	table_text(table, NULL);
	table_text(table, NULL);
	put_address(table, &peer);
	table_number(table, 0);
	table_number(table, 0);
	put_parameters(table, NULL, NULL);
}

static int64_t key_of(const struct session *session)
{
	uint64_t high = read_uint32((const char *)session->cancel_key.bytes);
	uint64_t low = read_uint32((const char *)session->cancel_key.bytes + 4);

	return session->has_key ? (int64_t)(high << 32 | low) : 0;
}

static void put_client(struct table *table, const struct session *session)
{
	const struct upstream *upstream = session->upstream;
	struct parameters *welcome =
		session->pool == NULL ? NULL : pool_welcome(session->pool);

	table_number(table, session->client.fd);
	table_text(table, "client");
	table_text(table, session->user_name);
	table_text(table, session->database_name);
	put_address(table, &session->peer);
	table_number(table, key_of(session));
	table_number(table, upstream == NULL ? 0 : upstream->stream.fd);
	put_parameters(table, session->wishes, welcome);
	parameters_drop(welcome);
}

/* With the lock of the pools held. */
static void put_server(struct table *table, const struct server *server, uint16_t port)
{
	const struct upstream *upstream = upstream_of(server);
	const struct session *session = upstream == NULL ? NULL : upstream->session;
	int fd = server_socket(server);

	if (fd < 0)
		return;
	struct peer peer = peer_of_socket(fd, port, getpeername);
	table_number(table, fd);
	table_text(table, "server");
	table_text(table, server->pool->user_name);
	table_text(table, server->pool->database_name);
	put_address(table, &peer);
	table_number(table, 0); /* libpq keeps it */
	table_number(table, session == NULL ? 0 : session->client.fd);
	put_parameters(table, server->reported, NULL);
}

/* The console's own clients are left out, as by PgBouncer. */
static void await_rows(struct table *table, struct worker *worker, const struct session *asker)
{
	const struct listeners *listeners = &worker->daemon->listeners;
	const struct session *session;
	struct walk walk;

	(void)asker;
	for (size_t i = 0; worker->index == 0 && i < listeners->count; i++)
		if (listeners->list[i].event != NULL)
			put_listener(table, &listeners->list[i]);
	walk_begin(&walk, worker);
	while ((session = await_walk(&walk)) != NULL)
		if (session->client.fd >= 0 && session->phase != SESSION_CONSOLE)
			put_client(table, session);
	show_each_server(table, worker, put_server);
}

const struct show show_fds = {
	"FDS",
	"fd int4, task text, user text, database text, addr text, port int4, cancel int8, "
	"link int4, client_encoding text, std_strings text, datestyle text, timezone text, "
	"password text, scram_client_key bytea, scram_server_key bytea",
	NULL, await_rows};
