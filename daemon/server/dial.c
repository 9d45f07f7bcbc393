#include "daemon/server/dial.h"

#include <stdlib.h>
#include <string.h>

#include "conf/array.h"
#include "conf/keyword.h"
#include "daemon/cancel.h"
#include "daemon/daemon.h"
#include "daemon/relay/upstream.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/server/conninfo.h"
#include "daemon/server/credentials.h"
#include "daemon/server/direct_login.h"
#include "daemon/server/libpq_login.h"
#include "daemon/server/server_log.h"
#include "daemon/server/server_tls_context.h"
#include "daemon/server/start_values.h"
#include "daemon/worker.h"
#include "pool/libpq_options.h"
#include "pool/moved.h"
#include "pool/pools.h"

static struct worker *worker_of(const struct server *server)
{
	struct worker *workers = server->pool->pools->context;
	return &workers[server->worker];
}

/* --- logging in --------------------------------------------------------------------------- */

static bool take_over(struct server *server, struct failure *why)
{
	struct worker *worker = worker_of(server);
	struct upstream *upstream;

	if (!server_take_over(server, worker->pools->parameters) ||
	    (upstream = upstream_new(worker, server)) == NULL || !stream_watch(&upstream->stream))
		return failure_set(why, FAILURE_NO_MEMORY);
	return true;
}

static bool connect_query_failed(struct failure *why)
{
	struct failure cause = *why;

	failure_set(why, FAILURE_CONNECT_QUERY, cause.message);
	return failure_detail(why, "%s", cause.detail);
}

/* A mistake in the connect_query is logged, as PgBouncer does; only what it leaves behind counts: a dead
 * connection, or an open transaction, in which a client's work would be lost. */
static bool await_connect_query(struct server *server, const struct settings *settings,
				const char *query, struct failure *why, int64_t deadline)
{
	struct upstream *upstream = upstream_of(server);

	if (query == NULL || query[0] == '\0')
		return await_start_values_noted(server, settings, NULL, why, deadline);
	if (!upstream_query(upstream, query, why, deadline)) {
		if (!pipeline_is_idle(&upstream->pipeline))
			return connect_query_failed(why);
		server_log(upstream->worker->log, LEVEL_WARNING, server,
			   "connect_query failed: %s", why->message);
	}
	/* What it has set is where clients start, and RESET does not know of it. */
	parameters_assign(&server->base, server->reported);
	parameters_assign(&server->applied,
			  parameters_empty(worker_of(server)->pools->parameters));
	return await_start_values_noted(server, settings, query, why, deadline);
}

/* libpq computes what a password proves for as long as the server likes, and holds a helper thread meanwhile: that is
 * for those entries alone that cannot do without it. */
static bool needs_libpq(const struct conninfo *conninfo)
{
	for (int i = 0; i < conninfo->count; i++)
		if (keyword_needs_libpq(conninfo->keywords[i], conninfo->values[i]))
			return true;
	return false;
}

static bool goes_without_libpq(const struct credentials *credentials,
			       const struct conninfo *conninfo, const struct database *database)
{
	return credentials->without_libpq || server_tls_chooses_ciphers(conninfo) ||
	       libpq_lacks(database->libpq_keywords) != NULL ||
	       (credentials->kind == SECRET_PLAIN && !needs_libpq(conninfo));
}

static bool await_credentials_accepted(struct server *server, struct conninfo *conninfo,
				       const struct credentials *credentials,
				       const struct database *database, struct failure *why,
				       int64_t deadline)
{
	bool without_libpq = goes_without_libpq(credentials, conninfo, database);

	credentials_add(credentials, conninfo);
	return without_libpq ?
		       await_direct_login(server, worker_of(server), conninfo, credentials, why,
					  deadline) :
		       await_libpq_login(server, worker_of(server), conninfo, why, deadline);
}

/* The answer by which it was found may be older than another one, after which nobody has seen it. */
static void look_where_it_is(struct server *server)
{
	const char *host = server_host(server);
	char address[INET6_ADDRSTRLEN];

	server_address(server, address, sizeof address);
	if (host != NULL && address[0] != '\0' &&
	    dns_has_moved(&worker_of(server)->daemon->dns, host, address))
		server_leave(server);
}

static bool await_server_login(struct server *server, struct failure *why, int64_t deadline)
{
	struct pool *pool = server->pool;
	const struct database *database;
	struct conninfo conninfo;
	struct credentials credentials;

	/* A reload meanwhile must not mix the old entry with a new one. */
	struct settings *settings = pool_settings(pool, &database);
	if (database == NULL) {
		settings_drop(settings);
		return failure_set(why, FAILURE_NO_DATABASE, pool->database_name);
	}
	credentials_find(&credentials, worker_of(server), settings, database, pool);
	bool done = await_conninfo(&conninfo, worker_of(server), pool, settings, database, why,
				   deadline) &&
		    await_credentials_accepted(server, &conninfo, &credentials, database, why,
					       deadline) &&
		    take_over(server, why) &&
		    (pool->replication != NULL ||
		     await_connect_query(server, settings, database->connect_query, why, deadline));
	if (done && conninfo.is_looked_up)
		look_where_it_is(server);
	if (done)
		conninfo_succeeded(pool, database, server_host(server), server_port(server));
	else
		conninfo_failed(&conninfo, pool, database);
	conninfo_release(&conninfo);
	credentials_release(&credentials);
	settings_drop(settings);
	return done;
}

/* PgBouncer's reason, and in brackets what is known beyond it. */
static void log_failed_login(struct log *log, const struct server *server,
			     const struct failure *why, int64_t age_s)
{
	bool is_unreached = why->kind == FAILURE_CONNECT_FAILED;
	bool has_detail = why->detail[0] != '\0';

	/* PgBouncer leaves the server's words to the line before. */
	if (why->kind == FAILURE_SERVER_REFUSED && server->pool->replication != NULL) {
		server_log(log, LEVEL_LOG, server, "closing because: login failed (age=%llds)",
			   (long long)age_s);
		return;
	}
	server_log(log, LEVEL_LOG, server, "closing because: %s%s%s%s%s%s (age=%llds)",
		   is_unreached ? "connect failed (" : "", why->message,
		   !has_detail	? "" :
		   is_unreached ? ": " :
				  " (",
		   why->detail, has_detail && !is_unreached ? ")" : "", is_unreached ? ")" : "",
		   (long long)age_s);
}

static void dial_main(void *arg)
{
	struct server *server = arg;
	struct worker *worker = worker_of(server);
	int64_t deadline = deadline_after(worker->settings->server_connect_timeout_us);
	int64_t started_at = loop_now();
	struct failure why;

	server->busy = coroutine_current(&worker->loop);
	worker_does(worker, "logging in to a server", server->id);
	if (pool_is_into_reserve(server->pool))
		server_log(worker->log, LEVEL_WARNING, server, "taking connection from reserve_pool");
	if (await_server_login(server, &why, deadline)) {
		if (worker->settings->log_connections)
			server_log_new(worker->log, server);
		server->busy = NULL;
		pool_dial_succeeded(server, loop_now());
		return;
	}
	if (why.kind == FAILURE_SERVER_REFUSED)
		server_log(worker->log, LEVEL_WARNING, server, "server login failed: FATAL %s",
			   why.message);
	log_failed_login(worker->log, server, &why, (loop_now() - started_at) / 1000000);
	pool_dial_failed(server, &why, loop_now());
}

/* --- several at once ---------------------------------------------------------------------- */

struct dial {
	struct server *server; /* NULL: its login has begun, and it may be gone */
};

static void dial_one(void *arg)
{
	struct dial *dial = arg;
	struct server *server = dial->server;

	dial->server = NULL;
	dial_main(server);
}

static void try_again_later(struct worker *worker, struct server *server)
{
	server->next_in_batch = worker->undialled;
	worker->undialled = server;
}

static void await_batch(struct worker *worker, struct dial *dials, struct task *tasks,
			struct server *batch)
{
	size_t count = 0;

	for (struct server *server = batch; server != NULL; server = server->next_in_batch) {
		dials[count].server = server;
		tasks[count] = (struct task){dial_one, &dials[count]};
		count++;
	}
	await_all(&worker->loop, tasks, count, DEADLINE_NEVER);
	for (size_t i = 0; i < count; i++)
		if (dials[i].server != NULL)
			try_again_later(worker, dials[i].server);
}

static void all_again_later(struct worker *worker, struct server *batch)
{
	while (batch != NULL) {
		struct server *next = batch->next_in_batch;
		try_again_later(worker, batch);
		batch = next;
	}
}

static void batch_main(void *arg)
{
	struct server *batch = arg;
	struct worker *worker = worker_of(batch);
	size_t count = 0;

	for (struct server *server = batch; server != NULL; server = server->next_in_batch)
		count++;
	struct dial *dials = calloc(count, sizeof *dials);
	struct task *tasks = calloc(count, sizeof *tasks);
	if (dials != NULL && tasks != NULL)
		await_batch(worker, dials, tasks, batch);
	else
		all_again_later(worker, batch);
	free(dials);
	free(tasks);
}

static void dial_here(struct worker *worker, struct server *batch)
{
	bool single = batch->next_in_batch == NULL;

	if (coroutine_start(&worker->loop, single ? dial_main : batch_main, batch) == NULL)
		all_again_later(worker, batch);
}

/* --- checks and the end ------------------------------------------------------------------- */

static void check_main(void *arg)
{
	struct server *server = arg;
	struct worker *worker = worker_of(server);
	const char *query = worker->settings->server_check_query;
	int64_t deadline = deadline_after(worker->settings->server_connect_timeout_us);
	struct failure why;

	server->busy = coroutine_current(&worker->loop);
	bool good = upstream_query(upstream_of(server), strcmp(query, "<empty>") == 0 ? "" : query,
				   &why, deadline);
	server->busy = NULL;
	if (!good && pipeline_is_settled(&upstream_of(server)->pipeline))
		server_log(worker->log, LEVEL_WARNING, server, "server_check_query failed: %s",
			   why.message);
	pool_check_ended(server, good, loop_now());
}

static void check_here(struct worker *worker, struct server *server)
{
	if (coroutine_start(&worker->loop, check_main, server) == NULL) {
		server->next_in_batch = worker->unchecked;
		worker->unchecked = server;
	}
}

void dial_cancel_all(struct worker *worker)
{
	static const enum server_state states[] = {SERVER_LOGIN, SERVER_TESTED};

	pools_lock(worker->pools);
	for (struct pool *pool = worker->pools->first; pool != NULL; pool = pool->next)
		for (size_t i = 0; i < ARRAY_SIZE(states); i++)
			for (struct server *server = pool->servers[states[i]].first;
			     server != NULL; server = server->next)
				if (server->worker == worker->index && server->busy != NULL)
					coroutine_cancel(server->busy);
	pools_unlock(worker->pools);
}

/* Starts a coroutine for each, as far as there is memory; the others stay in the batch. */
static void start_all(struct worker *worker, struct server **batch, void (*main)(void *))
{
	while (*batch != NULL) {
		struct server *server = *batch;
		if (coroutine_start(&worker->loop, main, server) == NULL)
			return;
		*batch = server->next_in_batch;
		server->next_in_batch = NULL;
	}
}

void dial_again(struct worker *worker)
{
	start_all(worker, &worker->undialled, dial_main);
	start_all(worker, &worker->unchecked, check_main);
}

/* A backend that is at work notices only at its next word that nobody is there any more; one that has hung up
 * is at work no longer. Of a replication client nobody knows what it has asked for. */
static void stop_its_work(struct upstream *upstream)
{
	bool may_work = upstream->pipeline.count > 0 || upstream->server->pool->replication != NULL;

	if (may_work && upstream->cancels == NULL && !upstream->worker->ending &&
	    !stream_peer_is_gone(&upstream->stream))
		cancel_start(upstream);
}

static void retire_here(struct worker *worker, struct server *server)
{
	struct upstream *upstream = upstream_of(server);

	if (upstream != NULL) {
		stop_its_work(upstream);
		/* One that never was at rest has been logged by the one who dialled. */
		if (worker->settings->log_disconnections && server->connected_at != 0)
			server_log(worker->log, LEVEL_LOG, server,
				   "closing because: %s (age=%llds)", server->retire_reason,
				   (long long)((loop_now() - server->connected_at) / 1000000));
		upstream_free(upstream);
	}
	server_free(server);
}

/* --- from any thread to the server's home ------------------------------------------------- */

static void append(struct server **list, struct server *more)
{
	while (*list != NULL)
		list = &(*list)->next_in_batch;
	*list = more;
}

static void take_inbox(struct loop_message *message)
{
	struct worker *worker = container_of(message, struct worker, inbox.message);
	struct worker_inbox *inbox = &worker->inbox;
	struct server *next;

	pthread_mutex_lock(&inbox->lock);
	struct server *dials = inbox->dials;
	struct server *checks = inbox->checks;
	struct server *retired = inbox->retired;
	inbox->dials = inbox->checks = inbox->retired = NULL;
	inbox->is_posted = false;
	pthread_mutex_unlock(&inbox->lock);

	for (struct server *server = retired; server != NULL; server = next) {
		next = server->next_in_batch;
		retire_here(worker, server);
	}
	for (struct server *server = checks; server != NULL; server = next) {
		next = server->next_in_batch;
		check_here(worker, server);
	}
	if (dials != NULL)
		dial_here(worker, dials);
}

void dial_open_inbox(struct worker *worker)
{
	worker->inbox.message.deliver = take_inbox;
}

static void send_to(struct worker *worker, struct server **list, struct server *servers)
{
	struct worker_inbox *inbox = &worker->inbox;

	pthread_mutex_lock(&inbox->lock);
	append(list, servers);
	bool was_posted = inbox->is_posted;
	inbox->is_posted = true;
	pthread_mutex_unlock(&inbox->lock);
	if (!was_posted)
		loop_post(&worker->loop, &inbox->message);
}

static void dial(void *context, struct server *batch)
{
	(void)context;
	struct worker *worker = worker_of(batch);

	if (worker_is_here(worker))
		dial_here(worker, batch);
	else
		send_to(worker, &worker->inbox.dials, batch);
}

static void check(void *context, struct server *server)
{
	(void)context;
	struct worker *worker = worker_of(server);

	if (worker_is_here(worker))
		check_here(worker, server);
	else
		send_to(worker, &worker->inbox.checks, server);
}

/* A reason that is not a literal comes from the server's own thread, where it is used at once. */
static void retire(void *context, struct server *server)
{
	(void)context;
	struct worker *worker = worker_of(server);

	if (worker_is_here(worker))
		retire_here(worker, server);
	else
		send_to(worker, &worker->inbox.retired, server);
}

const struct pool_calls dial_calls = {.dial = dial, .check = check, .retire = retire};
