#include "pool/server.h"

#include <ctype.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "pool/direct.h"
#include "pool/libpq_cancel.h"
#include "pool/pool.h"
#include "protocol/message.h"
#include "protocol/text.h"

struct server *server_new(struct pool *pool, uint64_t id, unsigned worker)
{
	struct server *server = calloc(1, sizeof *server);
	if (server == NULL)
		return NULL;
	server->pool = pool;
	server->id = id;
	server->worker = worker;
	server->state = SERVER_CLOSED;
	return server;
}

void server_free(struct server *server)
{
	struct pool *pool = server->retire_reason != NULL ? server->pool : NULL;

	parameters_drop(server->origin);
	parameters_drop(server->base);
	parameters_drop(server->reported);
	parameters_drop(server->applied);
	parameters_drop(server->unreported);
	PQfinish(server->connection);
	direct_free(server->direct);
	free(server);
	if (pool != NULL)
		pool_server_gone(pool);
}

/* --- connecting --------------------------------------------------------------------------- */

static void drop_notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static enum server_step step(PostgresPollingStatusType status)
{
	switch (status) {
	case PGRES_POLLING_READING:
		return STEP_READ;
	case PGRES_POLLING_WRITING:
		return STEP_WRITE;
	case PGRES_POLLING_OK:
		return STEP_DONE;
	default:
		return STEP_FAILED;
	}
}

const char *server_encoding_name(const char *name)
{
	int encoding = pg_char_to_encoding(name);

	return encoding < 0 ? NULL : pg_encoding_to_char(encoding);
}

enum server_step connection_start(struct pg_conn **connection, const char *const *keywords,
				  const char *const *values)
{
	*connection = PQconnectStartParams(keywords, values, 0);
	if (*connection == NULL || PQstatus(*connection) == CONNECTION_BAD)
		return STEP_FAILED;
	/* libpq tells the SQLSTATE of a failed login only in the text of a verbose message. */
	PQsetErrorVerbosity(*connection, PQERRORS_VERBOSE);
	PQsetNoticeProcessor(*connection, drop_notice, NULL);
	return STEP_WRITE;
}

struct pg_conn *server_lend_connection(struct server *server)
{
	PGconn *connection = server->connection;

	server->connection = NULL;
	return connection;
}

void server_give_back_connection(struct server *server, struct pg_conn *connection)
{
	server->connection = connection;
}

enum server_step connection_step(struct pg_conn *connection)
{
	return step(PQconnectPoll(connection));
}

void connection_close(struct pg_conn *connection)
{
	PQfinish(connection);
}

void server_adopt(struct server *server, struct direct **direct)
{
	server->direct = *direct;
	*direct = NULL;
}

int server_socket(const struct server *server)
{
	if (server->direct != NULL)
		return server->direct->fd;
	return server->connection == NULL ? -1 : PQsocket(server->connection);
}

const char *server_host(const struct server *server)
{
	return server->direct != NULL ? server->direct->host : PQhost(server->connection);
}

void *server_ssl(const struct server *server)
{
	if (server->direct != NULL)
		return server->direct->ssl;
	return server->connection == NULL ? NULL : PQsslStruct(server->connection, "OpenSSL");
}

uint16_t server_port(const struct server *server)
{
	if (server->direct != NULL)
		return server->direct->port;
	const char *port = server->connection == NULL ? NULL : PQport(server->connection);
	return port == NULL ? 0 : (uint16_t)strtoul(port, NULL, 10);
}

int server_backend_pid(const struct server *server)
{
	if (server->direct != NULL)
		return (int)read_uint32(server->direct->cancel_key);
	return server->connection == NULL ? 0 : PQbackendPID(server->connection);
}

/* --- failing ------------------------------------------------------------------------------ */

static bool is_sqlstate(const char *text)
{
	for (int i = 0; i < 5; i++)
		if (!isupper((unsigned char)text[i]) && !isdigit((unsigned char)text[i]))
			return false;
	return strncmp(text + 5, ": ", 2) == 0;
}

/* "... failed: FATAL:  3D000: database ..." -> "3D000: database ...", or NULL. */
static const char *find_sqlstate(const char *message)
{
	for (const char *at = strstr(message, ":  "); at != NULL; at = strstr(at + 1, ":  "))
		if (is_sqlstate(at + 3))
			return at + 3;
	return NULL;
}

static void copy_line(char *to, size_t size, const char *from)
{
	size_t length = strcspn(from, "\n");
	if (length >= size)
		length = size - 1;
	memcpy(to, from, length);
	to[length] = '\0';
}

/* What libpq says of keywords and values; what it says of a connection begins with that. */
static bool is_about_options(const char *message)
{
	return strncmp(message, "invalid ", strlen("invalid ")) == 0;
}

/* What libpq says when it cannot bind a login to a server's certificate as it has to. */
static bool is_about_binding(const char *message)
{
	return strstr(message, "channel binding") != NULL ||
	       strstr(message, "SCRAM-SHA-256-PLUS") != NULL ||
	       strstr(message, "digest for NID") != NULL;
}

/* The message ends with a newline; the lines before the last are about other hosts. */
static const char *last_line(const char *message)
{
	const char *line = message;

	for (const char *end = strchr(line, '\n'); end != NULL && end[1] != '\0';
	     end = strchr(line, '\n'))
		line = end + 1;
	return line;
}

void server_connect_failure(const struct server *server, struct failure *why)
{
	const char *message = server->connection == NULL ? "out of memory" :
							   PQerrorMessage(server->connection);
	const char *sqlstate = find_sqlstate(message);
	char text[200];

	if (sqlstate == NULL && PQconnectionNeedsPassword(server->connection)) {
		failure_set(why, FAILURE_SERVER_LOGIN, "wrong password type");
		failure_detail(why, "The server asks for a password, and none is known.");
		return;
	}
	const char *line = last_line(message);
	if (sqlstate == NULL && (is_about_options(message) || is_about_binding(line))) {
		copy_line(text, sizeof text, line);
		failure_set(why, FAILURE_SERVER_LOGIN, text);
		return;
	}
	if (sqlstate == NULL) {
		failure_set(why, FAILURE_CONNECT_FAILED, "");
		copy_line(why->message, sizeof why->message, message);
		return;
	}
	failure_set(why, FAILURE_SERVER_REFUSED, "");
	memcpy(why->sqlstate, sqlstate, 5);
	copy_line(why->message, sizeof why->message, sqlstate + 7);
	const char *detail = strstr(sqlstate, "\nDETAIL:  ");
	if (detail != NULL)
		copy_line(why->detail, sizeof why->detail, detail + 10);
}

bool server_has_refused(const struct failure *why, const char *sqlstate)
{
	return why->kind == FAILURE_SERVER_REFUSED &&
	       strncmp(why->sqlstate, sqlstate, strlen(sqlstate)) == 0;
}

bool server_refusal_is_final(const struct failure *why)
{
	/* A secret that is of no use today is of none tomorrow. */
	if (why->kind == FAILURE_SERVER_LOGIN)
		return true;
	/* Not so for 53300 (too many connections) and 57P03 (starting up): these pass, if slowly. */
	return server_has_refused(why, "28") || server_has_refused(why, "3D") ||
	       server_has_refused(why, "22") || server_has_refused(why, "42");
}

bool server_is_restarting(const struct failure *why)
{
	/* "the database system is shutting down", "... has crashed", "... is starting up" */
	return server_has_refused(why, "57P01") || server_has_refused(why, "57P02") ||
	       server_has_refused(why, "57P03");
}

/* --- taking over -------------------------------------------------------------------------- */

/* libpq cannot list what was reported; these are all that PostgreSQL 7.4 to 18 report. */
static const char *const reported_names[] = {
	"application_name",  "client_encoding",	  "DateStyle",
	"default_transaction_read_only",	  "in_hot_standby",
	"integer_datetimes", "IntervalStyle",	  "is_superuser",
	"scram_iterations",  "search_path",	  "server_encoding",
	"server_version",    "session_authorization",
	"standard_conforming_strings",		  "TimeZone",
};

/* Far more than those. A limit, since each new value costs time in proportion to how many there are. */
#define MOST_REPORTED 200

bool server_note_base(struct server *server, struct parameter_table *table, const char *name,
		      const char *value)
{
	if (server->base == NULL)
		parameters_assign(&server->base, parameters_empty(table));
	return parameters_change(&server->base, name, value);
}

static bool take_from_libpq(struct server *server, struct parameter_table *table)
{
	if (PQsetnonblocking(server->connection, 1) != 0)
		return false;
	for (size_t i = 0; i < sizeof reported_names / sizeof *reported_names; i++) {
		const char *value = PQparameterStatus(server->connection, reported_names[i]);
		if (value != NULL &&
		    !server_note_base(server, table, reported_names[i], value))
			return false;
	}
	return true;
}

bool server_take_over(struct server *server, struct parameter_table *table)
{
	if (server->direct == NULL && !take_from_libpq(server, table))
		return false;
	if (server->base == NULL)
		parameters_assign(&server->base, parameters_empty(table));
	parameters_assign(&server->origin, server->base);
	parameters_assign(&server->reported, server->base);
	parameters_assign(&server->applied, parameters_empty(table));
	parameters_assign(&server->unreported, parameters_empty(table));
	return true;
}

bool server_may_report(const struct server *server, const char *name)
{
	const struct parameters *known = server->reported != NULL ? server->reported : server->base;

	return known == NULL || parameters_count(known) < MOST_REPORTED ||
	       parameters_get(known, name) != NULL;
}

bool server_note_parameter(struct server *server, const char *name, const char *value)
{
	return parameters_change(&server->reported, name, value);
}

static bool is_tried(const struct server *server, const char *name)
{
	return parameters_get(server->reported, name) != NULL ||
	       parameters_get(server->unreported, name) != NULL;
}

bool server_reports_change(const struct server *server, const struct parameters *wishes)
{
	const struct parameters *unreported = server->unreported;

	for (size_t i = 0; i < parameters_count(wishes); i++)
		if (!is_tried(server, parameters_name(wishes, i)))
			return false;
	for (size_t i = 0; i < parameters_count(unreported); i++) {
		const char *name = parameters_name(unreported, i);
		if (server->applied == NULL || !text_is_same(parameters_get(server->applied, name),
							     parameters_get(wishes, name)))
			return false;
	}
	return true;
}

bool server_note_tried(struct server *server, const struct parameters *wishes)
{
	for (size_t i = 0; i < parameters_count(wishes); i++) {
		const char *name = parameters_name(wishes, i);
		if (!is_tried(server, name) && !parameters_change(&server->unreported, name, ""))
			return false;
	}
	return true;
}

bool server_write_wishes(const struct server *server, const struct parameters *wishes,
			 struct writer *writer)
{
	const struct server_parameters state = {
		.origin = server->origin,
		.base = server->base,
		.reported = server->reported,
		.applied = server->applied,
		.unreported = server->unreported,
	};

	return parameters_write_change(writer, &state, wishes);
}

/* --- cancelling --------------------------------------------------------------------------- */

struct server_cancel {
	struct libpq_cancel *libpq; /* one of them */
	struct direct *direct;
};

struct server_cancel *server_cancel_new(const struct server *server)
{
	struct server_cancel *cancel = calloc(1, sizeof *cancel);

	if (cancel == NULL)
		return NULL;
	if (server->direct != NULL)
		cancel->direct = direct_again(server->direct);
	else if (server->connection != NULL)
		cancel->libpq = libpq_cancel_new(server->connection);
	if (cancel->direct != NULL || cancel->libpq != NULL)
		return cancel;
	free(cancel);
	return NULL;
}

bool server_cancel_send(struct server_cancel *cancel, char *error, size_t error_size)
{
	return cancel->libpq != NULL ? libpq_cancel_send(cancel->libpq, error, error_size) :
				       direct_cancel(cancel->direct, error, error_size);
}

void server_cancel_free(struct server_cancel *cancel)
{
	if (cancel == NULL)
		return;
	libpq_cancel_free(cancel->libpq);
	direct_free(cancel->direct);
	free(cancel);
}

const char *server_state_name(enum server_state state)
{
	static const char *const names[] = {"new",    "idle",		 "tested",
					    "active", "being_canceled", "closed"};
	return names[state];
}
