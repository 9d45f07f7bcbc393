#include "daemon/server/libpq_login.h"

#include <event2/event.h>
#include <stdlib.h>

#include "daemon/offload.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/server/conninfo.h"
#include "daemon/server/reach.h"
#include "daemon/worker.h"
#include "pool/server.h"
#include "protocol/failure.h"

struct libpq_step {
	struct pg_conn *connection;
	enum server_step next;
};

static void take_step(void *arg)
{
	struct libpq_step *step = arg;

	step->next = connection_step(step->connection);
}

static void abandon(void *arg)
{
	struct libpq_step *step = arg;

	connection_close(step->connection);
	free(step);
}

/* The step has its memory, with the connection in it, until it is done or abandoned. */
static bool await_step_done(struct libpq_step *step, struct worker *worker, uint32_t lane,
			    struct failure *why, int64_t deadline)
{
	struct offload_job *job = offload_begin(worker->libpq_offload, &worker->loop, lane,
						take_step, abandon, step);

	if (job == NULL) {
		reach_wait_failed(why);
		abandon(step);
		return false;
	}
	bool in_time = true;
	while (!offload_is_done(job) && in_time)
		in_time = await_wake(&worker->loop, deadline);
	if (!in_time)
		reach_wait_failed(why);
	if (!await_offload_parted(worker->libpq_offload, job))
		return false;
	if (!in_time)
		abandon(step);
	return in_time;
}

static bool await_step(struct server *server, struct worker *worker, enum server_step *next,
		       struct failure *why, int64_t deadline)
{
	struct libpq_step *step = malloc(sizeof *step);

	if (step == NULL)
		return failure_set(why, FAILURE_NO_MEMORY);
	uint32_t lane = reach_lane(server);
	step->connection = server_lend_connection(server);
	if (!await_step_done(step, worker, lane, why, deadline))
		return false;
	server_give_back_connection(server, step->connection);
	*next = step->next;
	free(step);
	return true;
}

bool await_libpq_login(struct server *server, struct worker *worker, const struct conninfo *conninfo,
		       struct failure *why, int64_t deadline)
{
	enum server_step next = server_connect(server, conninfo->keywords, conninfo->values);

	while (next == STEP_READ || next == STEP_WRITE) {
		short what = next == STEP_READ ? EV_READ : EV_WRITE;
		/* libpq may have changed sockets on the way. */
		if (!await_descriptor(&worker->loop, server_socket(server), what, deadline))
			return reach_wait_failed(why);
		if (!await_step(server, worker, &next, why, deadline))
			return false;
	}
	if (next == STEP_FAILED)
		server_connect_failure(server, why);
	return next == STEP_DONE;
}
