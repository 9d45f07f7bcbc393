#include "pool/server.h"

#include <ctype.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

struct server *server_new(struct pool *pool, uint64_t id)
{
	struct server *server = calloc(1, sizeof *server);
	if (server == NULL)
		return NULL;
	server->pool = pool;
	server->id = id;
	server->state = SERVER_CLOSED;
	return server;
}

void server_free(struct server *server)
{
	parameters_drop(server->base);
	parameters_drop(server->reported);
	parameters_drop(server->applied);
	PQfinish(server->connection);
	free(server);
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

enum server_step server_connect(struct server *server, const char *const *keywords,
				const char *const *values)
{
	server->connection = PQconnectStartParams(keywords, values, 0);
	if (server->connection == NULL || PQstatus(server->connection) == CONNECTION_BAD)
		return STEP_FAILED;
	/* libpq tells the SQLSTATE of a failed login only in the text of a verbose message. */
	PQsetErrorVerbosity(server->connection, PQERRORS_VERBOSE);
	PQsetNoticeProcessor(server->connection, drop_notice, NULL);
	return STEP_WRITE;
}

enum server_step server_connect_step(struct server *server)
{
	return step(PQconnectPoll(server->connection));
}

int server_socket(const struct server *server)
{
	return server->connection == NULL ? -1 : PQsocket(server->connection);
}

const char *server_host(const struct server *server)
{
	return PQhost(server->connection);
}

uint16_t server_port(const struct server *server)
{
	const char *port = server->connection == NULL ? NULL : PQport(server->connection);
	return port == NULL ? 0 : (uint16_t)strtoul(port, NULL, 10);
}

int server_backend_pid(const struct server *server)
{
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

void server_connect_failure(const struct server *server, struct failure *why)
{
	const char *message = server->connection == NULL ? "out of memory" :
							   PQerrorMessage(server->connection);
	const char *sqlstate = find_sqlstate(message);

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

bool server_refusal_is_final(const struct failure *why)
{
	/* Not so for 53300 (too many connections) and 57P03 (starting up): these pass. */
	return why->kind == FAILURE_SERVER_REFUSED &&
	       (strncmp(why->sqlstate, "28", 2) == 0 || strncmp(why->sqlstate, "3D", 2) == 0 ||
		strncmp(why->sqlstate, "22", 2) == 0 || strncmp(why->sqlstate, "42", 2) == 0);
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

bool server_take_over(struct server *server, struct parameter_table *table)
{
	/* Under TLS the socket alone is not the connection. */
	if (PQsslInUse(server->connection) || PQsetnonblocking(server->connection, 1) != 0)
		return false;
	parameters_assign(&server->base, parameters_empty(table));
	for (size_t i = 0; i < sizeof reported_names / sizeof *reported_names; i++) {
		const char *value = PQparameterStatus(server->connection, reported_names[i]);
		if (value != NULL && !parameters_change(&server->base, reported_names[i], value))
			return false;
	}
	server->reset_is_base = true;
	parameters_assign(&server->reported, server->base);
	parameters_assign(&server->applied, parameters_empty(table));
	return true;
}

bool server_note_parameter(struct server *server, const char *name, const char *value)
{
	return parameters_change(&server->reported, name, value);
}

/* --- cancelling --------------------------------------------------------------------------- */

struct server_cancel *server_cancel_new(const struct server *server)
{
	return server->connection == NULL ?
		       NULL :
		       (struct server_cancel *)PQgetCancel(server->connection);
}

bool server_cancel_send(struct server_cancel *cancel, char *error, size_t error_size)
{
	return PQcancel((PGcancel *)cancel, error, (int)error_size) == 1;
}

void server_cancel_free(struct server_cancel *cancel)
{
	PQfreeCancel((PGcancel *)cancel);
}

const char *server_state_name(enum server_state state)
{
	static const char *const names[] = {"new",    "idle",		 "tested",
					    "active", "being_canceled", "closed"};
	return names[state];
}
