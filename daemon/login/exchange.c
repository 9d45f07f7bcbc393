#include "daemon/login/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/login/greeting.h"
#include "daemon/offload.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/runtime/stream.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/anew.h"
#include "protocol/keyring.h"
#include "protocol/message.h"
#include "protocol/writer.h"

/* What a client sends behind its answer has to be kept until it is let in, so only a little is read. */
#define READ_AT_ONCE ((size_t)4096)

bool exchange_send(struct exchange *exchange, enum authentication request, const void *data,
		   size_t length)
{
	struct stream *client = &exchange->session->client;
	struct writer writer;

	writer_init(&writer);
	message_begin(&writer, AUTHENTICATION_LETTER);
	write_uint32(&writer, (uint32_t)request);
	write_bytes(&writer, data, length);
	message_end(&writer);
	/* The last word of SCRAM is not answered: the welcome follows, or why there is none. */
	bool sent = !writer.failed && (request == AUTHENTICATION_SASL_FINAL ?
					       stream_hold(client, writer.data, writer.length) :
					       stream_send(client, writer.data, writer.length));
	if (!sent)
		failure_set(exchange->why, FAILURE_CLIENT_SEND_FAILED, strerror(errno));
	writer_release(&writer);
	return sent;
}

/* Takes a whole answer out of what was read, and leaves no copy of it there. */
static bool take_response(struct exchange *exchange, const struct message *message, char *data,
			  size_t length)
{
	size_t taken = message->body_length + MESSAGE_HEADER_BYTES;

	exchange_release(exchange);
	exchange->response = malloc(message->body_length + 1);
	if (exchange->response == NULL)
		return failure_set(exchange->why, FAILURE_NO_MEMORY);
	memcpy(exchange->response, message->body, message->body_length);
	exchange->response[message->body_length] = '\0';
	exchange->response_length = message->body_length;
	explicit_bzero(data, taken);
	return taken == length ||
	       stream_put_back(&exchange->session->client, data + taken, length - taken) ||
	       failure_set(exchange->why, FAILURE_NO_MEMORY);
}

/* Whether the whole answer is there. False with FAILURE_NONE: more of it is to come. */
static bool look(struct exchange *exchange, char *data, size_t length, enum failure_kind too_long)
{
	struct message message;

	exchange->why->kind = FAILURE_NONE;
	if (message_look(data, length, &message)) {
		if (message.letter == FRONTEND_TERMINATE)
			return failure_set(exchange->why, FAILURE_CLIENT_SAID_GOODBYE);
		if (message.letter != AUTHENTICATION_RESPONSE_LETTER)
			return failure_set(exchange->why, FAILURE_NO_RESPONSE, message.letter);
		if (message.body_length > PASSWORD_MOST + 1)
			return failure_set(exchange->why, too_long);
		if (message_is_whole(&message))
			return take_response(exchange, &message, data, length);
	}
	if (!stream_keep(&exchange->session->client, data, length))
		failure_set(exchange->why, FAILURE_NO_MEMORY);
	return false;
}

bool await_response(struct exchange *exchange, enum failure_kind too_long)
{
	struct session *session = exchange->session;
	char *data;

	for (;;) {
		ssize_t got = stream_read_some(&session->client, &data, READ_AT_ONCE);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			return failure_set(exchange->why, FAILURE_CLIENT_GONE);
		if (got > 0 && look(exchange, data, (size_t)got, too_long))
			return true;
		if (got > 0)
			explicit_bzero(data, (size_t)got);
		if (got > 0 && exchange->why->kind != FAILURE_NONE)
			return false;
		if (!await_more(session, exchange->why, exchange->deadline))
			return false;
	}
}

bool await_password_message(struct exchange *exchange, enum authentication request,
			    const void *data, size_t length)
{
	if (!exchange_send(exchange, request, data, length) ||
	    !await_response(exchange, FAILURE_PASSWORD_FAILED))
		return false;
	if (exchange->response_length == 0 ||
	    strlen(exchange->response) != exchange->response_length - 1)
		return failure_set(exchange->why, FAILURE_BAD_PASSWORD);
	return exchange->response[0] != '\0' ||
	       failure_set(exchange->why, FAILURE_EMPTY_PASSWORD);
}

/* --- helper threads ----------------------------------------------------------------------- */

static bool await_done(const struct exchange *exchange, const struct offload_job *job)
{
	struct session *session = exchange->session;

	while (!offload_is_done(job)) {
		if (stream_peer_is_gone(&session->client))
			return failure_set(exchange->why, FAILURE_CLIENT_GONE);
		if (await_wake(session->client.loop, exchange->deadline))
			continue;
		return failure_set(exchange->why,
				   errno == ETIMEDOUT ?
					   FAILURE_LOGIN_TIMEOUT :
					   session_end_reason(session, FAILURE_NO_MEMORY));
	}
	return true;
}

static bool await_watched(const struct exchange *exchange, const struct offload_job *job)
{
	struct stream *client = &exchange->session->client;

	if (!stream_watch(client))
		return failure_set(exchange->why, FAILURE_NO_MEMORY);
	client->waiter = coroutine_current(client->loop);
	bool done = await_done(exchange, job);
	client->waiter = NULL;
	return done;
}

bool await_helper(struct exchange *exchange, struct offload *offload, uint32_t lane,
		  void (*run)(void *arg), void (*release)(void *arg), void *arg)
{
	struct offload_job *job =
		offload_begin(offload, exchange->session->client.loop, lane, run, release, arg);
	bool done = job != NULL && await_watched(exchange, job);

	if (job == NULL)
		failure_set(exchange->why, FAILURE_NO_MEMORY);
	else if (!await_offload_parted(offload, job))
		return false;
	if (!done)
		release(arg);
	return done;
}

void exchange_note_proven(const struct exchange *exchange, const struct scram_secret *secret,
			  const unsigned char client_key[SCRAM_KEY_BYTES])
{
	struct worker *worker = exchange->session->worker;

	if (keyring_note_proven(worker->keyring, secret->stored_key, client_key))
		pools_know_key(worker->pools, secret->stored_key, loop_now());
}

void exchange_release(struct exchange *exchange)
{
	if (exchange->response != NULL)
		explicit_bzero(exchange->response, exchange->response_length);
	free(exchange->response);
	exchange->response = NULL;
}
