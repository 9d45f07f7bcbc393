#include "daemon/server/direct_login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/runtime/stream.h"
#include "daemon/server/proof.h"
#include "daemon/server/reach.h"
#include "daemon/server/require_peer.h"
#include "daemon/server/server_tls.h"
#include "daemon/server/server_tls_context.h"
#include "daemon/server/server_type.h"
#include "daemon/worker.h"
#include "pool/direct.h"
#include "protocol/message.h"
#include "protocol/writer.h"

/* Nothing that is said during a login is ever longer. */
#define LONGEST_MESSAGE ((size_t)64 * 1024)

struct login {
	struct server *server;
	struct worker *worker;
	struct direct *direct;
	struct stream stream;
	struct proof proof;
	unsigned host;	    /* its number in the list */
	enum tls_mode mode; /* on this connection */
	bool has_turned;    /* from one way, TLS or not, to the other */
	bool must_show;	    /* a certificate (sslcertmode=require) */
	enum server_type wanted;
	bool is_other_type; /* than what is wanted */
	bool asks;	    /* which type it is ... */
	bool is_answered;   /* ... and has been told */
	char answer[4];
	struct failure refusal; /* the first one */
	bool ready;
	struct failure *why;
};

static bool broke_protocol(struct login *login, const char *how)
{
	return proof_broken(&login->proof, how);
}

/* --- what is said ------------------------------------------------------------------------- */

static void write_pair(struct writer *writer, const char *name, const char *value)
{
	if (value == NULL)
		return;
	write_text(writer, name);
	write_text(writer, value);
}

/* The encoding of a process that has set no locale is what "auto" stands for. */
static const char *encoding(const struct conninfo *conninfo)
{
	const char *name = conninfo_value(conninfo, "client_encoding");

	return name != NULL && strcmp(name, "auto") == 0 ? "SQL_ASCII" : name;
}

/* The keywords that libpq makes start-up parameters of. */
static bool send_startup(struct login *login, const struct conninfo *conninfo)
{
	const char *name = conninfo_value(conninfo, "application_name");
	const char *fallback = conninfo_value(conninfo, "fallback_application_name");
	struct writer writer;

	writer_init(&writer);
	write_uint32(&writer, 0);
	write_uint32(&writer, PROTOCOL_VERSION);
	write_pair(&writer, "user", conninfo_value(conninfo, "user"));
	write_pair(&writer, "database", conninfo_value(conninfo, "dbname"));
	write_pair(&writer, "application_name", name != NULL ? name : fallback);
	write_pair(&writer, "client_encoding", encoding(conninfo));
	write_pair(&writer, "options", conninfo_value(conninfo, "options"));
	write_pair(&writer, "replication", conninfo_value(conninfo, "replication"));
	write_uint8(&writer, 0);
	if (!writer.failed) {
		unsigned char length[4] = {0, 0, (unsigned char)(writer.length >> 8),
					   (unsigned char)writer.length};
		memcpy(writer.data, length, sizeof length);
	}
	return proof_send(&login->proof, &writer);
}

/* --- what is told ------------------------------------------------------------------------- */

static bool note_parameter(struct login *login, const struct message *message)
{
	const char *name = message->body;
	size_t length = message->body_length;
	size_t name_bytes = strnlen(name, length) + 1;

	if (length < 2 || name[length - 1] != '\0' || name_bytes >= length)
		return broke_protocol(login, "broken ParameterStatus packet");
	if (!server_may_report(login->server, name))
		return broke_protocol(login, "There are too many parameters.");
	return server_note_base(login->server, login->worker->pools->parameters, name,
				name + name_bytes) ||
	       failure_set(login->why, FAILURE_NO_MEMORY);
}

static bool note_key(struct login *login, const struct message *message)
{
	if (message->body_length != CANCEL_KEY_BYTES)
		return broke_protocol(login, "bad cancel key: it has not eight bytes");
	memcpy(login->direct->cancel_key, message->body, CANCEL_KEY_BYTES);
	return true;
}

/* Texts as libpq has them. */
static bool has_shown_enough(const struct login *login)
{
	if (!login->must_show || login->direct->has_shown)
		return true;
	return failure_set(login->why, FAILURE_SERVER_LOGIN,
			   login->direct->was_asked_to_show ?
				   "server accepted connection without a valid SSL certificate" :
				   "server did not request an SSL certificate");
}

static bool take_authentication(struct login *login, const struct message *message)
{
	if (login->proof.let_in)
		return broke_protocol(login, "Authentication began anew.");
	return proof_answer(&login->proof, message) &&
	       (!login->proof.let_in || has_shown_enough(login));
}

/* A longer answer than "on" means the same as "off". */
static bool note_answer(struct login *login, const struct message *message)
{
	const char *cursor = message->body + 2;
	const char *value = NULL;
	size_t length = 0;

	if (message->body_length < 2 ||
	    !row_next(&cursor, message->body + message->body_length, &value, &length))
		return broke_protocol(login, "A row is not what it should be.");
	snprintf(login->answer, sizeof login->answer, "%.*s", (int)length, value != NULL ? value : "");
	login->is_answered = true;
	return true;
}

/* Once it has let us in, to what we asked of it. */
static bool take_answer(struct login *login, const struct message *message)
{
	switch (message->letter) {
	case BACKEND_DATA_ROW:
		return note_answer(login, message);
	case BACKEND_ERROR: /* one that does not tell is none that is wanted */
		login->is_other_type = true;
		return failure_from_server(login->why, FAILURE_SERVER_REFUSED, message->body,
					   message->body_length);
	case BACKEND_READY_FOR_QUERY:
		login->ready = true;
		return true;
	case BACKEND_PARAMETER_STATUS:
		return note_parameter(login, message);
	case BACKEND_ROW_DESCRIPTION:
	case BACKEND_COMMAND_COMPLETE:
	case BACKEND_NOTICE:
	case BACKEND_NOTIFICATION:
		return true;
	default:
		return broke_protocol(login, "A message came that is no answer.");
	}
}

static bool take_message(struct login *login, const struct message *message)
{
	if (login->asks)
		return take_answer(login, message);
	switch (message->letter) {
	case AUTHENTICATION_LETTER:
		return take_authentication(login, message);
	case BACKEND_ERROR:
		return failure_from_server(login->why, FAILURE_SERVER_REFUSED, message->body,
					   message->body_length);
	case BACKEND_NOTICE:
		return true;
	case BACKEND_PARAMETER_STATUS:
		return login->proof.let_in ? note_parameter(login, message) :
					     broke_protocol(login, "A parameter came too early.");
	case BACKEND_KEY_LETTER:
		return login->proof.let_in ? note_key(login, message) :
					     broke_protocol(login, "A cancel key came too early.");
	case BACKEND_READY_FOR_QUERY:
		login->ready = login->proof.let_in;
		return login->ready || broke_protocol(login, "The server is ready too early.");
	default:
		return broke_protocol(login, "A message came that belongs to no login.");
	}
}

static bool take_messages(struct login *login, char *data, size_t length)
{
	char *end = data + length;
	struct message message;

	while (!login->ready && login->proof.challenge == NULL &&
	       message_look(data, (size_t)(end - data), &message)) {
		if (message.body_length > LONGEST_MESSAGE)
			return broke_protocol(login, "A message is too long.");
		if (!message_is_whole(&message))
			break;
		if (!take_message(login, &message))
			return false;
		data += message.present;
	}
	if (login->ready && data != end)
		return broke_protocol(login, "The server goes on after it was ready.");
	return stream_keep(&login->stream, data, (size_t)(end - data)) ||
	       failure_set(login->why, FAILURE_NO_MEMORY);
}

/* --- the login ---------------------------------------------------------------------------- */

static bool await_ready(struct login *login, int64_t deadline)
{
	char *data;

	while (!login->ready) {
		ssize_t got = stream_read(&login->stream, &data);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			return failure_set(login->why, FAILURE_SERVER_GONE);
		if (got > 0 && !take_messages(login, data, (size_t)got))
			return false;
		if (login->proof.challenge != NULL && !await_proof(&login->proof))
			return false;
		bool goes_on = got > 0 ? await_others_until(login->stream.loop, deadline) :
					 await_readable(&login->stream, deadline);
		if (!goes_on)
			return reach_wait_failed(login->why);
	}
	return true;
}

/* What it has not reported it is asked for. */
static bool await_wanted(struct login *login, int64_t deadline)
{
	const struct parameters *reported = login->server->base;
	const char *question = server_type_question(login->wanted, reported);
	struct writer writer;

	if (question != NULL) {
		login->asks = true;
		login->ready = false;
		writer_init(&writer);
		message_begin(&writer, FRONTEND_QUERY);
		write_text(&writer, question);
		message_end(&writer);
		if (!proof_send(&login->proof, &writer) || !await_ready(login, deadline))
			return false;
	}
	const char *answer = login->is_answered ? login->answer : NULL;
	login->is_other_type = !server_type_is(login->wanted, reported, answer, login->why);
	return !login->is_other_type;
}

static bool await_conversation(struct login *login, const struct conninfo *conninfo,
			       const struct credentials *credentials, int64_t deadline)
{
	struct direct *direct = login->direct;
	const char *certificate = conninfo_value(conninfo, "sslcertmode");

	login->must_show = certificate != NULL && strcmp(certificate, "require") == 0;
	login->ready = login->asks = login->is_answered = login->is_other_type = false;
	parameters_assign(&login->server->base, NULL);
	proof_init(&login->proof, login->worker, &login->stream, conninfo, credentials, login->why);
	stream_init(&login->stream, &login->worker->loop, direct->fd, stream_ignore);
	bool done = await_required_peer(direct, login->worker, conninfo, login->why, deadline) &&
		    await_server_tls(direct, &login->stream, conninfo, login->mode, login->why,
				     deadline) &&
		    send_startup(login, conninfo) && await_ready(login, deadline) &&
		    await_wanted(login, deadline);
	stream_release(&login->stream);
	proof_release(&login->proof);
	return done;
}

/* --- another connection ------------------------------------------------------------------- */

/*
 * Where sslmode leaves the choice, what fails in one way is tried in the other; but what went wrong here, before
 * there was any TLS, tells nothing about the server.
 */
static bool takes_other_way(struct login *login)
{
	enum failure_kind kind = login->why->kind;
	bool is_refused = kind == FAILURE_SERVER_REFUSED;
	bool was_tls = login->direct->ssl != NULL;
	bool failed = was_tls && (is_refused || kind == FAILURE_CONNECT_FAILED ||
				  kind == FAILURE_SERVER_GONE);

	if (login->has_turned || login->direct->address.ss_family == AF_UNIX)
		return false;
	if (login->mode == TLS_PREFER && failed)
		login->mode = TLS_DISABLE;
	else if (login->mode == TLS_ALLOW && is_refused)
		login->mode = TLS_REQUIRE;
	else
		return false;
	login->has_turned = true;
	return true;
}

/* The host at `login->host`, if there is one. Whoever prefers a standby takes any server in a second round. */
static bool takes_host(struct login *login, const struct conninfo *conninfo)
{
	unsigned count = reach_count(conninfo);

	if (login->host >= count && login->wanted == SERVER_PREFER_STANDBY) {
		login->wanted = SERVER_ANY;
		login->host = 0;
	}
	login->mode = server_tls_mode(conninfo);
	login->has_turned = false;
	return login->host < count;
}

static bool takes_next_host(struct login *login, const struct conninfo *conninfo)
{
	login->host++;
	return takes_host(login, conninfo);
}

/* False: no host can be reached, and whether there is a second round. */
static bool await_host(struct login *login, const struct conninfo *conninfo, bool *again,
		       int64_t deadline)
{
	unsigned first = login->host;
	bool reached = await_reached(login->direct, &login->worker->loop, conninfo, &login->host,
				     login->why, deadline);

	bool had_all = login->host == reach_count(conninfo);
	if (login->host != first) /* what was found out about another is not true of this one */
		*again = takes_host(login, conninfo) && had_all;
	return reached;
}

/* As libpq does. Of several refusals the first one is told. */
static bool tries_again(struct login *login, const struct conninfo *conninfo)
{
	const struct failure *why = login->why;

	if (why->kind == FAILURE_SERVER_REFUSED && login->refusal.kind == FAILURE_NONE)
		login->refusal = *why;
	return login->is_other_type || server_is_restarting(why) ? takes_next_host(login, conninfo) :
								   takes_other_way(login);
}

/* False, and whether it is worth another try. */
static bool await_login(struct login *login, const struct conninfo *conninfo,
			const struct credentials *credentials, bool *again, int64_t deadline)
{
	*again = false;
	login->direct = calloc(1, sizeof *login->direct);
	if (login->direct == NULL)
		return failure_set(login->why, FAILURE_NO_MEMORY);
	login->direct->fd = -1;
	bool reached = await_host(login, conninfo, again, deadline);
	bool done = reached && await_conversation(login, conninfo, credentials, deadline);
	if (done)
		server_adopt(login->server, &login->direct);
	else if (reached)
		*again = tries_again(login, conninfo);
	direct_free(login->direct);
	return done;
}

bool await_direct_login(struct server *server, struct worker *worker,
			const struct conninfo *conninfo, const struct credentials *credentials,
			struct failure *why, int64_t deadline)
{
	struct login login = {.server = server,
			      .worker = worker,
			      .mode = server_tls_mode(conninfo),
			      .wanted = server_type_wanted(conninfo),
			      .why = why};
	bool again;
	bool done;

	do
		done = await_login(&login, conninfo, credentials, &again, deadline);
	while (again);
	if (!done && login.refusal.kind != FAILURE_NONE)
		*why = login.refusal;
	return done;
}
