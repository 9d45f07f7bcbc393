#include "daemon/cancel.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/errand.h"
#include "daemon/forward.h"
#include "daemon/offload.h"
#include "daemon/relay/upstream.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/server/reach.h"
#include "daemon/server/server_log.h"
#include "daemon/session.h"
#include "daemon/worker.h"

#define REPEAT_AFTER_US INT64_C(500000)

/* --- keys --------------------------------------------------------------------------------- */

/* Keys are random, but for what forward_sign() writes into them. */
static uint32_t hash_of(const unsigned char *key)
{
	uint32_t hash;

	memcpy(&hash, key + 3, sizeof hash);
	return hash;
}

void cancel_keys_init(struct cancel_keys *keys)
{
	*keys = (struct cancel_keys){0};
	pthread_mutex_init(&keys->lock, NULL);
}

void cancel_keys_release(struct cancel_keys *keys)
{
	hash_table_release(&keys->table);
	pthread_mutex_destroy(&keys->lock);
}

static struct session *find(const struct cancel_keys *keys, const unsigned char *bytes)
{
	struct cancel_key *key = hash_table_find(&keys->table, hash_of(bytes));

	while (key != NULL && CRYPTO_memcmp(key->bytes, bytes, CANCEL_KEY_BYTES) != 0)
		key = hash_table_find_next(&key->link);
	return key == NULL ? NULL : container_of(key, struct session, cancel_key);
}

static bool choose_key(const struct cancel_keys *keys, unsigned char *key, struct worker *worker)
{
	do {
		if (!random_take(&worker->random, key, CANCEL_KEY_BYTES))
			return false;
		/* The first half poses as a process id, which some drivers take to be positive. */
		key[0] &= 0x7f;
		forward_sign(key, worker->settings->peer_id);
	} while (find(keys, key) != NULL);
	return true;
}

bool cancel_key_assign(struct cancel_keys *keys, struct session *session)
{
	struct cancel_key *key = &session->cancel_key;

	pthread_mutex_lock(&keys->lock);
	session->has_key = choose_key(keys, key->bytes, session->worker);
	if (session->has_key)
		hash_table_add(&keys->table, &key->link, hash_of(key->bytes));
	pthread_mutex_unlock(&keys->lock);
	return session->has_key;
}

void cancel_key_remove(struct cancel_keys *keys, struct session *session)
{
	if (!session->has_key)
		return;
	pthread_mutex_lock(&keys->lock);
	hash_table_remove(&keys->table, &session->cancel_key.link);
	pthread_mutex_unlock(&keys->lock);
	session->has_key = false;
}

void cancel_key_move(struct cancel_keys *keys, struct session *session, struct worker *to)
{
	pthread_mutex_lock(&keys->lock);
	session->worker = to;
	pthread_mutex_unlock(&keys->lock);
}

/* Where the session with that key is at the moment; NULL: there is none. */
static struct worker *find_worker(struct cancel_keys *keys, const unsigned char *key)
{
	pthread_mutex_lock(&keys->lock);
	const struct session *session = find(keys, key);
	struct worker *worker = session == NULL ? NULL : session->worker;
	pthread_mutex_unlock(&keys->lock);
	return worker;
}

/* The session with that key, if it is this worker's, whose it stays until the next await. */
static struct session *find_here(struct cancel_keys *keys, const unsigned char *key,
				 const struct worker *here)
{
	pthread_mutex_lock(&keys->lock);
	struct session *session = find(keys, key);
	bool is_here = session != NULL && session->worker == here;
	pthread_mutex_unlock(&keys->lock);
	return is_here ? session : NULL;
}

/* --- sending ------------------------------------------------------------------------------ */

/* What a helper thread sends, which may outlast everybody's interest in it. */
struct sending {
	struct server_cancel *request;
	char error[256];
	bool done;
};

/* A cancel request that is being sent; its server may go away meanwhile. */
struct cancel {
	struct cancel *next;	  /* of the same upstream */
	struct cancel *next_here; /* of the same worker */
	struct worker *worker;
	struct coroutine *coroutine; /* that waits, or NULL */
	struct upstream *upstream; /* NULL: gone */
	struct sending *sending;   /* NULL: a helper is still at it */
	struct offload_job *job;   /* NULL: not begun, or parted with */
	const struct session *asker; /* NULL: nobody waits for it */
	int64_t begun_at;
	uint32_t lane;
	bool was_begun;
	bool is_late; /* nobody has taken it in time */
};

static void sending_free(void *arg)
{
	struct sending *sending = arg;

	if (sending != NULL)
		server_cancel_free(sending->request);
	free(sending);
}

static struct sending *sending_new(const struct server *server)
{
	struct sending *sending = calloc(1, sizeof *sending);

	if (sending != NULL)
		sending->request = server_cancel_new(server);
	if (sending != NULL && sending->request != NULL)
		return sending;
	free(sending);
	return NULL;
}

/* From here on, until the request has been sent, the server goes to nobody else. */
static struct cancel *cancel_begin(struct upstream *upstream, const struct session *asker)
{
	struct cancel *cancel = calloc(1, sizeof *cancel);

	if (cancel == NULL)
		return NULL;
	cancel->sending = sending_new(upstream->server);
	if (cancel->sending == NULL) {
		free(cancel);
		return NULL;
	}
	cancel->lane = reach_lane(server_host(upstream->server), server_port(upstream->server));
	cancel->worker = upstream->worker;
	cancel->upstream = upstream;
	cancel->asker = asker;
	cancel->begun_at = loop_now();
	cancel->next = upstream->cancels;
	upstream->cancels = cancel;
	cancel->next_here = cancel->worker->cancels;
	cancel->worker->cancels = cancel;
	pool_cancel_begins(upstream->server);
	return cancel;
}

static void cancel_unlink(struct cancel *cancel)
{
	struct cancel **link = &cancel->upstream->cancels;
	while (*link != cancel)
		link = &(*link)->next;
	*link = cancel->next;
}

static void remove_from_worker(struct cancel *cancel)
{
	struct cancel **link = &cancel->worker->cancels;
	while (*link != cancel)
		link = &(*link)->next_here;
	*link = cancel->next_here;
}

void cancels_give_up(struct worker *worker)
{
	for (struct cancel *cancel = worker->cancels; cancel != NULL; cancel = cancel->next_here)
		if (cancel->coroutine != NULL)
			coroutine_cancel(cancel->coroutine);
}

void cancels_forget(struct cancel *first)
{
	for (; first != NULL; first = first->next)
		first->upstream = NULL;
}

/* What the server has said while it was nobody's has not been looked at. May retire the server. */
static void let_go(struct upstream *upstream)
{
	struct server *server = upstream->server;
	const char *reason = NULL;

	if (pool_waits_for_cancel(server))
		reason = upstream_read_at_rest(upstream);
	if (reason != NULL)
		pool_discard(&server, reason, loop_now());
	else
		pool_cancel_ended(server, loop_now());
}

/* A request of which nobody knows what became of it may still hit whatever its server does next. */
static void note_failure(struct upstream *upstream, const struct cancel *cancel, const char *error)
{
	server_log(cancel->worker->log, LEVEL_WARNING, upstream->server,
		   "cancel request failed: %s", error);
	if (cancel->was_begun)
		upstream->server->close_needed = true;
}

static void cancel_end(struct cancel *cancel, const char *error)
{
	struct upstream *upstream = cancel->upstream;

	if (upstream != NULL) {
		if (error != NULL)
			note_failure(upstream, cancel, error);
		cancel_unlink(cancel);
		let_go(upstream);
	}
	remove_from_worker(cancel);
	sending_free(cancel->sending);
	free(cancel);
}

static void send_in_helper(void *arg)
{
	struct sending *sending = arg;
	sending->done =
		server_cancel_send(sending->request, sending->error, sizeof sending->error);
}

/* NULL: it has been sent, and taken. Otherwise why not. */
static const char *await_sending(struct cancel *cancel)
{
	struct worker *worker = cancel->worker;
	int64_t deadline = deadline_after(worker->settings->cancel_wait_timeout_us);
	struct offload_job *job =
		offload_begin(&worker->helpers->cancel, &worker->loop, cancel->lane, send_in_helper,
			      sending_free, cancel->sending);

	if (job == NULL)
		return "no thread to send it";
	cancel->was_begun = true;
	cancel->job = job;
	cancel->coroutine = coroutine_current(&worker->loop);
	/* Whoever asked for it may leave; only the end of everything ends the wait. */
	bool late = false;
	while (!offload_is_done(job) && !worker->ending && !late)
		late = !await_wake(&worker->loop, deadline) && errno != ECANCELED;
	cancel->job = NULL;
	if (!await_offload_parted(&worker->helpers->cancel, job)) {
		cancel->sending = NULL;
		cancel->is_late = late;
		return "no answer";
	}
	return cancel->sending->done ? NULL : cancel->sending->error;
}

/* Between two queries of a pipeline a backend takes no notice of a request, and when its connection is closed,
 * nobody will see what it does next. */
static bool must_be_repeated(const struct cancel *cancel)
{
	return cancel->upstream == NULL && cancel->sending != NULL && !cancel->worker->ending;
}

static void cancel_main(void *arg)
{
	struct cancel *cancel = arg;
	const char *error = await_sending(cancel);

	if (must_be_repeated(cancel) &&
	    await_sleep(&cancel->worker->loop, deadline_after(REPEAT_AFTER_US)))
		error = await_sending(cancel);
	cancel_end(cancel, error);
}

void cancel_start(struct upstream *upstream)
{
	struct cancel *cancel = cancel_begin(upstream, NULL);

	if (cancel == NULL ||
	    coroutine_start(&upstream->worker->loop, cancel_main, cancel) != NULL)
		return;
	cancel_end(cancel, "out of memory");
}

/* False: nobody has taken it in time. */
static bool await_cancel(struct upstream *upstream, const struct session *asker)
{
	struct cancel *cancel = cancel_begin(upstream, asker);

	if (cancel == NULL)
		return true;
	/* It is not to overtake what it is to cancel. */
	stream_send_posted(&upstream->stream);
	const char *error = await_sending(cancel);
	bool late = cancel->is_late;
	cancel_end(cancel, error);
	return !late;
}

/* What is asked for, and by whom. */
struct asking {
	unsigned char key[CANCEL_KEY_BYTES];
	const struct session *asker;
	bool is_late; /* the answer: nobody has taken it in time */
};

/* Nobody follows what a replication client has asked for. */
static bool may_run_something(const struct session *session)
{
	return session->pool->replication != NULL ||
	       !pipeline_is_settled(&session->upstream->pipeline);
}

static void await_cancel_here(struct worker *here, void *arg)
{
	struct asking *asking = arg;
	struct session *session = find_here(here->cancel_keys, asking->key, here);

	if (session == NULL)
		return;
	if (session->phase == SESSION_CONSOLE)
		session->wait_cancelled = true; /* a command that waits looks at it */
	else if (session->waiting != NULL)
		session_cancel_wait(session);
	else if (session->upstream != NULL && may_run_something(session))
		asking->is_late = !await_cancel(session->upstream, asking->asker);
}

/* A session that has just gone to another worker was at rest: there was nothing to cancel. */
bool await_cancel_request(const struct session *asker, const unsigned char key[CANCEL_KEY_BYTES])
{
	struct worker *worker = asker->worker;
	struct asking asking = {.asker = asker};
	struct worker *there = find_worker(worker->cancel_keys, key);
	int peer_id = worker->settings->peer_id;

	memcpy(asking.key, key, sizeof asking.key);
	if (there == NULL && peer_id > 0) {
		if (forward_peer_of(key) != peer_id)
			return await_forwarded(worker, key);
		forward_restore(asking.key);
		there = find_worker(worker->cancel_keys, asking.key);
	}
	if (there != NULL)
		await_at(worker, there, await_cancel_here, &asking);
	return !asking.is_late;
}

/* --- looking ------------------------------------------------------------------------------ */

const struct cancel *cancel_look(const struct worker *worker, const struct cancel *behind,
				 struct cancel_view *view)
{
	const struct cancel *cancel = behind == NULL ? worker->cancels : behind->next_here;

	if (cancel == NULL)
		return NULL;
	*view = (struct cancel_view){
		.asker = cancel->asker,
		.upstream = cancel->upstream,
		.begun_at = cancel->begun_at,
		.is_sent = cancel->job != NULL &&
			   offload_has_begun(&worker->helpers->cancel, cancel->job),
	};
	return cancel;
}
