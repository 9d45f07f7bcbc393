/* SHOW CLIENTS, PINNED, SERVERS, SOCKETS and ACTIVE_SOCKETS: one row for each connection. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "conf/array.h"
#include "daemon/borrow.h"
#include "daemon/cancel.h"
#include "daemon/console/show.h"
#include "daemon/relay/upstream.h"
#include "daemon/runtime/loop.h"
#include "daemon/runtime/tls.h"
#include "daemon/session.h"
#include "daemon/session_walk.h"
#include "daemon/worker.h"
#include "pool/pools.h"

#define SOCKET_COLUMNS                                                                        \
	"type text, user text, database text, replication text, state text, addr text, "      \
	"port int4, local_addr text, local_port int4, connect_time text, request_time text, " \
	"wait int4, wait_us int4, close_needed int4, ptr text, link text, remote_pid int4, "  \
	"tls text, application_name text, prepared_statements int4, id int4"
#define BUFFER_COLUMNS                                                                    \
	"recv_pos int4, pkt_pos int4, pkt_remain int4, send_pos int4, send_remain int4, " \
	"pkt_avail int4, send_avail int4"

/* What a client and a server have in common here. */
struct row {
	const char *type;
	const char *user;
	const char *database;
	const char *state;
	const struct replication *replication;
	struct peer remote;
	int fd;
	uint16_t unix_port; /* for a socket that has none of its own */
	int64_t connect_time;
	int64_t request_time;
	int64_t wait_us;
	bool close_needed;
	uint64_t link; /* the id of the other side; 0: none */
	int remote_pid;
	const struct parameters *parameters;
	size_t prepared_statements;
	const struct stream *stream; /* NULL: not yet one */
	uint64_t id;
};

/* --- cells -------------------------------------------------------------------------------- */

static void put_peer(struct table *table, const struct peer *peer)
{
	char host[PEER_TEXT_BYTES];

	if (peer->family == AF_UNIX)
		snprintf(host, sizeof host, "unix");
	else if (peer->family == AF_UNSPEC)
		host[0] = '\0';
	else
		peer_host(peer, host, sizeof host);
	table_text(table, host);
	table_number(table, peer->port);
}

/* Times are kept by a clock that does not tell the day. */
static void put_time(struct table *table, int64_t monotonic_us)
{
	time_t when = time(NULL) - (time_t)((loop_now() - monotonic_us) / 1000000);
	struct tm parts;
	char text[64];

	localtime_r(&when, &parts);
	strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %Z", &parts);
	table_text(table, text);
}

/* By its id, as in the lines of the log; PgBouncer has an address there, of the same shape. */
static void put_pointer(struct table *table, uint64_t id)
{
	if (id == 0)
		table_text(table, "");
	else
		table_format(table, "0x%" PRIx64, id);
}

static const char *application_name(const struct parameters *parameters)
{
	const char *name =
		parameters == NULL ? NULL : parameters_get(parameters, "application_name");
	return name == NULL ? "" : name;
}

static void put_tls(struct table *table, const struct stream *stream)
{
	char text[128] = "";

	if (stream != NULL)
		tls_describe(stream, text, sizeof text);
	table_text(table, text);
}

static void put_row(struct table *table, const struct row *row)
{
	struct peer local = peer_of_socket(row->fd, row->unix_port, getsockname);

	table_text(table, row->type);
	table_text(table, row->user);
	table_text(table, row->database);
	table_text(table, replication_name(row->replication));
	table_text(table, row->state);
	put_peer(table, &row->remote);
	put_peer(table, &local);
	put_time(table, row->connect_time);
	put_time(table, row->request_time);
	table_number(table, row->wait_us / 1000000);
	table_number(table, row->wait_us % 1000000);
	table_number(table, row->close_needed);
	put_pointer(table, row->id);
	put_pointer(table, row->link);
	table_number(table, row->remote_pid);
	put_tls(table, row->stream);
	table_text(table, application_name(row->parameters));
	table_number(table, (int64_t)row->prepared_statements);
	table_number(table, (int64_t)row->id);
}

/* PgBouncer's buffers have no counterpart but the rest of a message that is under way. */
static void put_buffers(struct table *table, size_t kept, size_t left)
{
	table_number(table, (int64_t)kept);
	table_number(table, 0);
	table_number(table, (int64_t)left);
	for (int i = 0; i < 4; i++)
		table_number(table, 0);
}

/* --- clients ------------------------------------------------------------------------------ */

static const char *client_state(const struct session *session, const struct session *asker)
{
	if (session->upstream != NULL || session == asker)
		return "active";
	return session->waiting != NULL ? "waiting" : "idle";
}

/* One that is being sent away is gone, though it may not have read so yet; before its login only one
 * that waits for a server is of interest. */
static bool is_client(const struct session *session)
{
	return session->client.fd >= 0 && !session->is_ending && session->killed == FAILURE_NONE &&
	       (session->phase != SESSION_NEW || session->waiting != NULL);
}

static struct row client_row(const struct session *session, const char *state)
{
	const struct server *server = session->upstream == NULL ? NULL : session->upstream->server;
	int64_t wait_us =
		session->waiting == NULL ? 0 : loop_now() - queued_since(session->waiting);

	return (struct row){
		.type = "C",
		/* It has not said yet who it is, and where it wants to go. */
		.user = session->user_name == NULL ? "(nouser)" : session->user_name,
		.database = session->database_name == NULL ? "(nodb)" : session->database_name,
		.replication = session->pool == NULL ? NULL : session->pool->replication,
		.state = state,
		.remote = session->peer,
		.fd = session->client.fd,
		.unix_port = session->peer.port,
		.connect_time = session->accepted_at,
		.request_time =
			session->request_at != 0 ? session->request_at : session->accepted_at,
		.wait_us = wait_us,
		.link = server == NULL ? 0 : server->id,
		.remote_pid = session->peer.pid,
		.parameters = session->wishes,
		.prepared_statements =
			session->statements == NULL ? 0 : session->statements->names.count,
		.stream = &session->client,
		.id = session->id,
	};
}

/* Who has come only to have something cancelled: it waits, in whatever worker, as long as that takes. */
static void put_cancel_client(struct table *table, const struct cancel_view *view)
{
	struct row row = client_row(view->asker, view->is_sent ? "active_cancel_req" :
								 "waiting_cancel_req");
	row.user = "(nouser)";
	row.database = view->upstream->server->pool->database_name;
	put_row(table, &row);
}

static void await_client_rows(struct table *table, struct worker *worker, const struct session *asker)
{
	const struct session *session;
	struct walk walk;

	walk_begin(&walk, worker);
	while ((session = await_walk(&walk)) != NULL) {
		if (!is_client(session))
			continue;
		struct row row = client_row(session, client_state(session, asker));
		put_row(table, &row);
	}
	struct cancel_view view;
	for (const struct cancel *cancel = NULL; (cancel = cancel_look(worker, cancel, &view));)
		if (view.asker != NULL && view.upstream != NULL)
			put_cancel_client(table, &view);
}

static void await_pinned_rows(struct table *table, struct worker *worker,
			      const struct session *asker)
{
	const struct session *session;
	char reason[PIN_TEXT_BYTES];
	struct walk walk;

	(void)asker;
	walk_begin(&walk, worker);
	while ((session = await_walk(&walk)) != NULL) {
		if (!is_client(session) || !pin_describe(session, reason))
			continue;
		table_text(table, session->user_name);
		table_text(table, session->database_name);
		put_peer(table, &session->peer);
		put_pointer(table, session->id);
		put_pointer(table, session->upstream->server->id);
		table_text(table, reason);
	}
}

/* --- servers ------------------------------------------------------------------------------ */

static uint16_t port_of(const struct pool *pool)
{
	return (uint16_t)atoi(database_port(pool->database));
}

static struct row server_row(const struct server *server, const char *state, uint16_t port)
{
	const struct pool *pool = server->pool;
	const struct upstream *upstream = upstream_of(server);
	int fd = server_socket(server);
	/* A login under way has no time yet. */
	int64_t connected_at = server->connected_at != 0 ? server->connected_at : loop_now();

	return (struct row){
		.type = "S",
		.user = pool->user_name,
		.database = pool->database_name,
		.replication = pool->replication,
		.state = state,
		.remote = peer_of_socket(fd, port, getpeername),
		.fd = fd,
		.unix_port = port,
		.connect_time = connected_at,
		.request_time = server->lent_at != 0 ? server->lent_at : connected_at,
		.close_needed = server->close_needed,
		.link = upstream == NULL || upstream->session == NULL ? 0 : upstream->session->id,
		.remote_pid = server_backend_pid(server),
		.parameters = server->reported,
		.prepared_statements = upstream == NULL ?
					       0 :
					       upstream->statements.held.table.count +
						       upstream->statements.sql_names.table.count,
		.stream = upstream == NULL ? NULL : &upstream->stream,
		.id = server->id,
	};
}

/* In PgBouncer's order of states. */
void show_each_server(struct table *table, struct worker *worker,
		      void (*put)(struct table *table, const struct server *server, uint16_t port))
{
	static const enum server_state states[] = {SERVER_ACTIVE, SERVER_IDLE, SERVER_TESTED,
						   SERVER_LOGIN, SERVER_BEING_CANCELED};

	pools_keep(worker->pools);
	for (struct pool *pool = pools_first(worker->pools); pool != NULL; pool = pools_next(pool))
		for (size_t i = 0; i < ARRAY_SIZE(states); i++)
			for (const struct server *server = pool->servers[states[i]].first;
			     server != NULL; server = server->next)
				if (server->worker == worker->index)
					put(table, server, port_of(pool));
	pools_let_go(worker->pools);
}

/* PgBouncer's word for one at rest that will be tried before it is lent. */
static bool is_used(const struct server *server)
{
	return server->state == SERVER_IDLE && pool_is_stale(server, loop_now());
}

static void put_server(struct table *table, const struct server *server, uint16_t port)
{
	const char *state = is_used(server) ? "used" : server_state_name(server->state);
	struct row row = server_row(server, state, port);
	put_row(table, &row);
}

/* The connection of a cancel request is libpq's, of which is known only where it goes. */
static void put_cancel_server(struct table *table, const struct cancel_view *view)
{
	const struct server *server = view->upstream->server;
	uint16_t port = port_of(server->pool);
	struct row row = server_row(server, "active_cancel", port);

	row.fd = -1;
	row.connect_time = row.request_time = view->begun_at;
	row.close_needed = false;
	row.link = view->asker == NULL ? 0 : view->asker->id;
	row.remote_pid = 0;
	row.parameters = NULL;
	row.prepared_statements = 0;
	row.stream = NULL;
	row.id = 0;
	put_row(table, &row);
}

static void server_rows(struct table *table, struct worker *worker, const struct session *asker)
{
	struct cancel_view view;

	(void)asker;
	show_each_server(table, worker, put_server);
	for (const struct cancel *cancel = NULL; (cancel = cancel_look(worker, cancel, &view));)
		if (view.is_sent && view.upstream != NULL) {
			pools_lock(worker->pools);
			put_cancel_server(table, &view);
			pools_unlock(worker->pools);
		}
}

/* --- sockets ------------------------------------------------------------------------------ */

static const char *client_socket_state(const struct session *session)
{
	if (session->waiting != NULL)
		return "cl_waiting";
	return session->phase == SESSION_NEW ? "cl_login" : "cl_active";
}

static void put_client_socket(struct table *table, const struct session *session)
{
	struct row row = client_row(session, client_socket_state(session));
	put_row(table, &row);
	put_buffers(table, stream_held_bytes(&session->client), session->stray_bytes);
}

static const char *server_socket_state(const struct server *server)
{
	switch (server->state) {
	case SERVER_LOGIN:
		return "sv_login";
	case SERVER_IDLE:
		return is_used(server) ? "sv_used" : "sv_idle";
	case SERVER_TESTED:
		return "sv_tested";
	case SERVER_BEING_CANCELED:
		return "sv_being_canceled";
	default:
		return "sv_active";
	}
}

static void put_server_socket(struct table *table, const struct server *server, uint16_t port)
{
	const struct upstream *upstream = upstream_of(server);
	struct row row = server_row(server, server_socket_state(server), port);

	put_row(table, &row);
	put_buffers(table, upstream == NULL ? 0 : stream_held_bytes(&upstream->stream),
		    upstream == NULL ? 0 : upstream->left);
}

static void await_socket_rows(struct table *table, struct worker *worker, const struct session *asker)
{
	const struct session *session;
	struct walk walk;

	(void)asker;
	walk_begin(&walk, worker);
	while ((session = await_walk(&walk)) != NULL)
		if (session->client.fd >= 0)
			put_client_socket(table, session);
	show_each_server(table, worker, put_server_socket);
}

static void put_active_server_socket(struct table *table, const struct server *server, uint16_t port)
{
	if (server->state == SERVER_ACTIVE)
		put_server_socket(table, server, port);
}

/* Whether it has a conversation now, or waits for one. */
static bool is_busy(const struct session *session, const struct session *asker)
{
	return session->upstream != NULL || session->waiting != NULL || session == asker;
}

static void await_active_socket_rows(struct table *table, struct worker *worker,
			       const struct session *asker)
{
	const struct session *session;
	struct walk walk;

	walk_begin(&walk, worker);
	while ((session = await_walk(&walk)) != NULL)
		if (session->client.fd >= 0 && is_busy(session, asker))
			put_client_socket(table, session);
	show_each_server(table, worker, put_active_server_socket);
}

const struct show show_clients = {"CLIENTS", SOCKET_COLUMNS, NULL, await_client_rows};
const struct show show_pinned = {
	"PINNED",
	"user text, database text, addr text, port int4, ptr text, link text, reason text", NULL,
	await_pinned_rows};
const struct show show_servers = {"SERVERS", SOCKET_COLUMNS, NULL, server_rows};
const struct show show_sockets = {"SOCKETS", SOCKET_COLUMNS ", " BUFFER_COLUMNS, NULL,
				 await_socket_rows};
const struct show show_active_sockets = {"ACTIVE_SOCKETS", SOCKET_COLUMNS ", " BUFFER_COLUMNS, NULL,
					 await_active_socket_rows};
