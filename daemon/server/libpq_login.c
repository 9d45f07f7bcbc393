#include "daemon/server/libpq_login.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/memory.h"
#include "daemon/offload.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/server/conninfo.h"
#include "daemon/server/reach.h"
#include "daemon/worker.h"
#include "pool/server.h"
#include "protocol/failure.h"

/* All that a helper has of a login, which may be given up meanwhile. */
struct libpq_step {
	struct pg_conn *connection;	   /* NULL: it is to be begun, ... */
	char *keywords[CONNINFO_MOST + 1]; /* ... with these */
	char *values[CONNINFO_MOST + 1];
	enum server_step next;
};

static void step_free(struct libpq_step *step)
{
	for (int i = 0; i < CONNINFO_MOST; i++) {
		free(step->keywords[i]);
		text_wipe(step->values[i]);
	}
	free(step);
}

static bool copy_conninfo(struct libpq_step *step, const struct conninfo *conninfo)
{
	for (int i = 0; i < conninfo->count; i++) {
		step->keywords[i] = strdup(conninfo->keywords[i]);
		step->values[i] = strdup(conninfo->values[i]);
		if (step->keywords[i] == NULL || step->values[i] == NULL)
			return false;
	}
	return true;
}

static void take_step(void *arg)
{
	struct libpq_step *step = arg;

	if (step->connection != NULL)
		step->next = connection_step(step->connection);
	else
		step->next =
			connection_start(&step->connection, (const char *const *)step->keywords,
					 (const char *const *)step->values);
}

static void abandon(void *arg)
{
	struct libpq_step *step = arg;

	connection_close(step->connection);
	step_free(step);
}

/* The step has its memory, with the connection in it, until it is done or abandoned. */
static bool await_step(struct server *server, struct libpq_step *step, struct worker *worker,
		       uint32_t lane, enum server_step *next, struct failure *why, int64_t deadline)
{
	if (!await_offload_until(&worker->helpers->libpq, &worker->loop, lane, take_step, abandon,
				 step, deadline))
		return reach_wait_failed(why);
	server_give_back_connection(server, step->connection);
	*next = step->next;
	step_free(step);
	return true;
}

/* Of several hosts it is not known yet which it will be: they have a lane of their own. */
static bool await_first_step(struct server *server, struct worker *worker,
			     const struct conninfo *conninfo, enum server_step *next,
			     struct failure *why, int64_t deadline)
{
	struct libpq_step *step = calloc(1, sizeof *step);
	const char *port = conninfo_value(conninfo, "port");

	if (step == NULL || !copy_conninfo(step, conninfo)) {
		if (step != NULL)
			step_free(step);
		return failure_set(why, FAILURE_NO_MEMORY);
	}
	uint32_t lane =
		reach_lane(conninfo_value(conninfo, "host"), (uint16_t)strtoul(port, NULL, 10));
	return await_step(server, step, worker, lane, next, why, deadline);
}

static bool await_next_step(struct server *server, struct worker *worker, enum server_step *next,
			    struct failure *why, int64_t deadline)
{
	struct libpq_step *step = calloc(1, sizeof *step);
	uint32_t lane = reach_lane(server_host(server), server_port(server));

	if (step == NULL)
		return failure_set(why, FAILURE_NO_MEMORY);
	/* libpq may close its own, and somebody else have that number then. */
	int socket = fcntl(server_socket(server), F_DUPFD_CLOEXEC, 0);
	step->connection = server_lend_connection(server);
	bool done = await_step(server, step, worker, lane, next, why, deadline);
	/* Whatever the helper is at: the server's backend leaves, and with it what counts in max_connections there. */
	if (!done && socket >= 0)
		shutdown(socket, SHUT_RDWR);
	if (socket >= 0)
		close(socket);
	return done;
}

bool await_libpq_login(struct server *server, struct worker *worker, const struct conninfo *conninfo,
		       struct failure *why, int64_t deadline)
{
	enum server_step next = STEP_FAILED;

	if (!await_first_step(server, worker, conninfo, &next, why, deadline))
		return false;
	while (next == STEP_READ || next == STEP_WRITE) {
		short what = next == STEP_READ ? EV_READ : EV_WRITE;
		/* libpq may have changed sockets on the way. */
		if (!await_descriptor(&worker->loop, server_socket(server), what, deadline))
			return reach_wait_failed(why);
		if (!await_next_step(server, worker, &next, why, deadline))
			return false;
	}
	if (next == STEP_FAILED)
		server_connect_failure(server, why);
	return next == STEP_DONE;
}
