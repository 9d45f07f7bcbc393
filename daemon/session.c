#include "daemon/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/array.h"
#include "daemon/balance.h"
#include "daemon/borrow.h"
#include "daemon/cancel.h"
#include "daemon/console/console.h"
#include "daemon/console/console_turn.h"
#include "daemon/daemon.h"
#include "daemon/goodbye.h"
#include "daemon/login/login.h"
#include "daemon/login/lookup.h"
#include "daemon/login/quota.h"
#include "daemon/recover.h"
#include "daemon/relay/prepared.h"
#include "daemon/relay/relay.h"
#include "daemon/relay/replicate.h"
#include "daemon/relay/reported.h"
#include "daemon/relay/request.h"
#include "daemon/relay/upstream.h"
#include "daemon/relay/wishes.h"
#include "daemon/relocate.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/runtime/tls.h"
#include "daemon/worker.h"
#include "protocol/message.h"
#include "protocol/writer.h"

#define FOLDED_AFTER_US 500000
/* Longer ones wait outside the session's stack. */
#define SHORT_REQUEST_BYTES ((size_t)512)

/* --- serving ------------------------------------------------------------------------------ */

/* If a reload has given its database another forced user, it goes over to that one's pool. */
static bool follow_user(struct session *session, struct failure *why)
{
	if (!session->share->is_superseded)
		return true;
	if (!session_join_pool(session, session->share->database, NULL))
		return failure_set(why, FAILURE_NO_MEMORY);
	prepared_follow_pool(session);
	return true;
}

static bool await_server(struct session *session, struct failure *why)
{
	enum failure_kind late;
	int64_t deadline = borrow_deadline(session, &late);

	while (!await_borrow(session, late, why, deadline)) {
		/* A reload has sent it away from a queue that is no longer its own. */
		if (why->kind != FAILURE_SERVER_GONE || !session->share->is_superseded ||
		    !follow_user(session, why))
			return false;
		/* It heard of that, but may not have heard that it was killed. */
		if (session->killed != FAILURE_NONE)
			return failure_set(why, session->killed);
	}
	return true;
}

/* What it asks for was to be cancelled, and that has met what it wishes. */
static bool is_cancelled(const struct session *session, const struct failure *why)
{
	return session->killed == FAILURE_NONE && strcmp(why->sqlstate, "57014") == 0 &&
	       pipeline_is_idle(&session->upstream->pipeline);
}

/* A server that cannot be brought back is nobody's fault who comes after it was lent to another. */
static bool await_wishes_met(struct session *session, struct writer *prefix, bool is_new,
			     struct failure *why)
{
	bool unfit;

	while (!await_wishes(session, prefix, &unfit, why)) {
		if (is_new && is_cancelled(session, why)) {
			await_give_back(session->upstream, NULL, false);
			return failure_set(why, FAILURE_CANCELED);
		}
		if (!unfit)
			return false;
		await_give_back(session->upstream,
				"what a client has set there can not be taken back", false);
		if (!is_new || !await_server(session, why))
			return false;
		if (!reported_follow_start(session))
			return failure_set(why, FAILURE_NO_MEMORY);
		prefix->length = 0;
	}
	return true;
}

/* `is_new`: it has just been lent its server, which can be exchanged. */
static bool await_conversation(struct session *session, char *data, size_t length, bool is_new,
			       struct failure *why)
{
	struct writer prefix;
	bool done;

	if (!reported_follow_start(session))
		return failure_set(why, FAILURE_NO_MEMORY);
	if (session->upstream->server->applied == session->wishes)
		return await_relay(session, data, length, NULL, why);
	if (!stream_keep(&session->client, data, length))
		return failure_set(why, FAILURE_NO_MEMORY);
	writer_init(&prefix);
	done = await_wishes_met(session, &prefix, is_new, why);
	if (done) {
		length = stream_reread(&session->client, &data);
		done = await_relay(session, data, length, prefix.length > 0 ? &prefix : NULL, why);
	}
	writer_release(&prefix);
	return done;
}

/* The request is put aside meanwhile, since the scratch buffer is everybody's: if it is short, into `aside`. */
static bool await_turn_in_queue(struct session *session, char *aside, char **data,
				size_t *length, struct failure *why)
{
	bool is_short = *length <= SHORT_REQUEST_BYTES;

	if (is_short)
		*data = memcpy(aside, *data, *length);
	else if (!stream_keep(&session->client, *data, *length))
		return failure_set(why, FAILURE_NO_MEMORY);
	bool got = await_server(session, why);
	if (!is_short)
		*length = stream_reread(&session->client, data);
	return got;
}

/* One request and what belongs to it: a transaction, or as much of a session as has something to
 * say. True: the session goes on. */
static bool await_request_served(struct session *session, struct failure *why)
{
	char aside[SHORT_REQUEST_BYTES];
	char *data = NULL;
	size_t length = 0;

	if (session->pool->replication != NULL)
		return await_replicated(session, why);
	bool is_new = session->upstream == NULL;
	if (is_new) {
		if (!request_read(session, &data, &length, why))
			return false;
		if (length == 0)
			return true;
		if (!follow_user(session, why))
			return false;
		session->request_at = loop_time(session->client.loop);
		if (!borrow_now(session) &&
		    !await_turn_in_queue(session, aside, &data, &length, why))
			return why->kind == FAILURE_CANCELED &&
			       await_request_refused(session, data, length, why);
	}
	if (await_conversation(session, data, length, is_new, why))
		return await_returned(session, why);
	if (why->kind != FAILURE_CANCELED || session->upstream != NULL)
		return false;
	length = stream_reread(&session->client, &data);
	return await_request_refused(session, data, length, why);
}

/* --- the story ---------------------------------------------------------------------------- */

static bool has_been_spoken_to(const struct session *session)
{
	/* A server is not listened to while its client has not taken what it said before. */
	bool by_server = session->upstream != NULL && !stream_has_unsent(&session->client) &&
			 stream_has_news(&session->upstream->stream);

	return session->killed == FAILURE_NONE &&
	       (!suspend_holds(session) || stream_is_ahead(&session->client)) &&
	       (stream_has_news(&session->client) || by_server || return_is_due(session));
}

static void session_free(struct session *session)
{
	session_depart(session);
	lookup_leave(session);
	if (session->is_counted)
		pool_client_leaves(session->pool);
	if (session->in_reserve)
		session->worker->daemon->reserve_count--;
	parameters_drop(session->start);
	parameters_drop(session->wishes);
	parameters_drop(session->given);
	parameters_drop(session->startup);
	extended_release(session);
	client_statements_free(session->statements);
	free(session->database_name);
	free(session->user_name);
	free(session);
}

void session_uncount(struct session *session)
{
	if (session->is_present)
		session->worker->daemon->present_count--;
	session->is_present = false;
}

/* Makes room for another client; its pool stays until the session has gone. */
static void leave(struct session *session)
{
	cancel_key_remove(session->worker->cancel_keys, session);
	quota_leave(session);
	session_uncount(session);
	if (session->is_counted)
		session->worker->daemon->client_count--;
	if (session->phase == SESSION_CONSOLE)
		session->worker->daemon->console_count--;
}

/* Why the session's server ends with it, or NULL. */
static const char *why_server_ends(const struct session *session, const struct failure *why)
{
	static const struct {
		enum failure_kind kind;
		const char *reason;
	} reasons[] = {
		{FAILURE_SERVER_GONE, "server conn crashed?"},
		{FAILURE_SERVER_PROTOCOL, "invalid server message"},
		/* What was noted of the server may be incomplete. */
		{FAILURE_NO_MEMORY, "out of memory"},
		{FAILURE_NO_BLOCKS, "transaction blocks not allowed in statement pooling mode"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (why->kind == reasons[i].kind)
			return reasons[i].reason;
	if (session->worker->ending)
		return "server shutting down";
	return session->pool != NULL && session->pool->replication != NULL ?
		       "replication client was closed" :
		       NULL;
}

/* Tells the client why, brings its server to rest, and closes its socket. */
static void await_end(struct session *session, struct failure *why)
{
	session->is_ending = true;
	/* It may have been cancelled while it did not wait; its farewell can wait again. */
	coroutine_was_cancelled(session->coroutine);
	stream_send_posted(&session->client);
	leave(session);
	const char *broken = why_server_ends(session, why);
	say_goodbye(session, why);
	if (session->upstream != NULL)
		await_give_back(session->upstream, broken,
				pool_share_mode(session->share) == POOL_SESSION ||
					session->worker->settings->server_reset_query_always);
	await_hang_up(session, why);
	session_free(session);
}

/* For the whole session, which may be inside a transaction while it is at rest. */
static bool owns_server(const struct session *session)
{
	return session->upstream != NULL && pool_share_mode(session->share) == POOL_SESSION;
}

/* server_fast_close: whoever keeps a server that is to be closed is not waited for. */
static bool is_to_be_replaced(const struct session *session)
{
	return session->upstream != NULL && session->upstream->server->close_needed &&
	       session->worker->settings->server_fast_close;
}

/* All that has come is dealt with: until more comes it holds no bytes and no stack. */
static bool await_rest(struct session *session, struct failure *why)
{
	if (stream_has_unsent(&session->client) && !await_sent(&session->client, DEADLINE_NEVER))
		return failure_set(why, session_end_reason(session, FAILURE_CLIENT_SEND_FAILED),
				   strerror(errno));
	stream_rest(&session->client);
	if (is_to_be_replaced(session))
		return failure_set(why, FAILURE_SERVER_REPLACED);
	session->rests_since = loop_time(session->client.loop);
	session->worker->has_unfolded |= session->client.tls != NULL;
	if (!stream_watch(&session->client) ||
	    (session->upstream != NULL && !stream_watch(&session->upstream->stream)))
		return failure_set(why, FAILURE_NO_MEMORY);
	return true;
}

static void session_run(void *arg)
{
	struct session *session = arg;
	struct failure why;
	bool stays = true;
	unsigned rounds = 0;

	worker_does(session->worker, "serving a client", session->id);
	balance_note(session);
	if (session->phase == SESSION_NEW)
		stays = await_login(session, &why);
	do {
		while (stays && has_been_spoken_to(session)) {
			stays = session->phase == SESSION_CONSOLE ?
					await_console(session, &why) :
					await_request_served(session, &why);
			if (stays && ++rounds % ROUNDS_IN_A_ROW == 0)
				await_turn(session->client.loop);
		}
		if (stays && session->killed != FAILURE_NONE)
			stays = failure_set(&why, session->killed);
		stays = stays && await_rest(session, &why);
	} while (stays && has_been_spoken_to(session));

	if (!stays) {
		await_end(session, &why);
		return;
	}
	session->coroutine = NULL;
	session_relocate_if_wanted(session);
}

/* --- from outside ------------------------------------------------------------------------- */

const struct user_settings *session_user(const struct session *session)
{
	const struct pool_share *share = session->share;

	return session->pool->is_forced ?
		       settings_find_user(share->settings, session->user_name) :
		       share->user;
}

static void client_spoke(struct stream *stream)
{
	session_wake((struct session *)stream);
}

void session_wake(struct session *session)
{
	if (session->coroutine != NULL)
		return;
	session->coroutine = coroutine_start(session->client.loop, session_run, session);
	if (session->coroutine == NULL)
		session->worker->has_sleepers = true;
}

void session_kill(struct session *session, enum failure_kind reason)
{
	if (session->killed != FAILURE_NONE || session->is_ending)
		return;
	session->killed = reason;
	if (session->coroutine != NULL)
		coroutine_cancel(session->coroutine);
	else
		session_wake(session);
}

void session_cancel_wait(struct session *session)
{
	if (session->wait_cancelled)
		return;
	session->wait_cancelled = true;
	/* Whatever ends its wait, it looks at the mark. */
	coroutine_wake(session->coroutine);
}

/* Only what has rested for a while: folding and unfolding costs about as much as a small query. */
static void fold_tls(struct session *session, int64_t now)
{
	if (session->client.tls == NULL)
		return;
	if (now - session->rests_since >= FOLDED_AFTER_US)
		tls_fold(&session->client);
	else
		session->worker->has_unfolded = true;
}

void session_tick(struct session *session, int64_t now)
{
	const struct settings *settings = session->worker->settings;
	int64_t limit = 0;

	if (session->coroutine != NULL) /* has deadlines of its own */
		return;
	/* There was no memory to wake it when something came. */
	if (session->phase == SESSION_NEW || session->killed != FAILURE_NONE ||
	    stream_has_news(&session->client) || stream_has_unsent(&session->client) ||
	    return_is_due(session))
		session_wake(session);
	else if (is_to_be_replaced(session))
		session_kill(session, FAILURE_SERVER_REPLACED);
	else if (session->phase == SESSION_LOGGED_IN && !owns_server(session))
		limit = settings_client_idle_timeout_us(settings, session_user(session));
	if (limit > 0 && now - session->rests_since >= limit)
		session_kill(session, FAILURE_CLIENT_IDLE);
	else
		fold_tls(session, now);
}

bool session_start(struct worker *worker, int fd, const struct peer *peer, bool in_reserve)
{
	struct session *session = calloc(1, sizeof *session);
	if (session == NULL)
		return false;
	session->worker = worker;
	session->peer = *peer;
	session->id = pools_next_id(worker->pools);
	session->accepted_at = loop_now();
	stream_init(&session->client, &worker->loop, fd, client_spoke);
	parameters_assign(&session->wishes, parameters_empty(worker->pools->parameters));
	parameters_assign(&session->startup, session->wishes);
	session->in_reserve = in_reserve;
	session->is_present = !in_reserve;
	if (in_reserve)
		worker->daemon->reserve_count++;
	else
		worker->daemon->present_count++;
	worker->session_count++;
	session_settle(session);
	return true;
}

bool session_join_pool(struct session *session, const struct database *database,
		       const struct replication *replication)
{
	struct pool *pool = pools_join(session->worker->pools, database, session->database_name,
				       session->user_name, replication);
	if (pool == NULL)
		return false;
	if (session->is_counted)
		pool_client_leaves(session->pool);
	session->pool = pool;
	session->share = &session->pool->shares[session->worker->index];
	session->is_counted = true;
	/* They are the client's own, and of no use to a user whom the entry puts in its place. */
	if (database->user == NULL)
		pool_exchange_secrets(session->pool, session->secrets, loop_now());
	return true;
}

void session_log(const struct session *session, enum log_level level, const char *format, ...)
{
	char peer[PEER_TEXT_BYTES + 8];
	char subject[256];
	va_list arguments;

	peer_text(&session->peer, peer, sizeof peer);
	snprintf(subject, sizeof subject, "C-0x%llx: %.80s/%.80s@%s",
		 (unsigned long long)session->id,
		 session->database_name != NULL ? session->database_name : "(nodb)",
		 session->user_name != NULL ? session->user_name : "(nouser)", peer);
	va_start(arguments, format);
	log_vwrite(session->worker->log, level, subject, format, arguments);
	va_end(arguments);
}
