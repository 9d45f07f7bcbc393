#include "daemon/direct_login.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/certificate.h"
#include "daemon/offload.h"
#include "daemon/reach.h"
#include "daemon/require_auth.h"
#include "daemon/runtime/loop.h"
#include "daemon/runtime/stream.h"
#include "daemon/runtime/tls.h"
#include "daemon/server_tls.h"
#include "daemon/worker.h"
#include "pool/direct.h"
#include "protocol/message.h"
#include "protocol/scram_client.h"
#include "protocol/writer.h"

/* Nothing that is said during a login is ever longer. */
#define LONGEST_MESSAGE ((size_t)64 * 1024)

struct login {
	struct server *server;
	struct worker *worker;
	const struct credentials *credentials;
	const char *user;
	const char *required; /* require_auth, or NULL */
	bool binds; /* channel_binding is not disable */
	struct direct *direct;
	struct stream stream;
	struct scram_client scram;
	char *challenge;    /* of a server that a password is proved to: its keys are to be derived */
	size_t challenge_length;
	bool was_asked;	    /* for any proof */
	bool is_derived;
	bool sasl_begun;
	bool proof_sent; /* that we know it */
	bool sasl_done; /* the server has proved that it knows the secret */
	bool let_in;
	bool ready;
	struct failure *why;
};

static bool broke_protocol(struct login *login, const char *how)
{
	failure_set(login->why, FAILURE_SERVER_PROTOCOL);
	return failure_detail(login->why, "%s", how);
}

static bool wrong_type(struct login *login, const char *detail)
{
	failure_set(login->why, FAILURE_SERVER_LOGIN, "wrong password type");
	return failure_detail(login->why, "%s", detail);
}

/* --- what is said ------------------------------------------------------------------------- */

static bool send_all(struct login *login, struct writer *writer)
{
	bool sent = !writer->failed && stream_send(&login->stream, writer->data, writer->length);

	if (writer->data != NULL)
		explicit_bzero(writer->data, writer->length);
	writer_release(writer);
	return sent || failure_set(login->why, FAILURE_SERVER_GONE);
}

static void write_pair(struct writer *writer, const char *name, const char *value)
{
	if (value == NULL)
		return;
	write_text(writer, name);
	write_text(writer, value);
}

/* The keywords that libpq makes start-up parameters of. */
static bool send_startup(struct login *login, const struct conninfo *conninfo)
{
	const char *name = conninfo_value(conninfo, "application_name");
	const char *fallback = conninfo_value(conninfo, "fallback_application_name");
	struct writer writer;

	writer_init(&writer);
	write_uint32(&writer, 0);
	write_uint32(&writer, 3 << 16);
	write_pair(&writer, "user", conninfo_value(conninfo, "user"));
	write_pair(&writer, "database", conninfo_value(conninfo, "dbname"));
	write_pair(&writer, "application_name", name != NULL ? name : fallback);
	write_pair(&writer, "client_encoding", conninfo_value(conninfo, "client_encoding"));
	write_pair(&writer, "options", conninfo_value(conninfo, "options"));
	write_pair(&writer, "replication", conninfo_value(conninfo, "replication"));
	write_uint8(&writer, 0);
	if (!writer.failed) {
		unsigned char length[4] = {0, 0, (unsigned char)(writer.length >> 8),
					   (unsigned char)writer.length};
		memcpy(writer.data, length, sizeof length);
	}
	return send_all(login, &writer);
}

static bool send_response(struct login *login, const void *data, size_t length)
{
	struct writer writer;

	writer_init(&writer);
	message_begin(&writer, 'p');
	write_bytes(&writer, data, length);
	message_end(&writer);
	return send_all(login, &writer);
}

/* --- what is asked ------------------------------------------------------------------------ */

/* What the entry does not want to be asked for is not answered, and not even looked at. */
static bool check_required(struct login *login, const char *method)
{
	login->was_asked = true;
	if (require_auth_allows(login->required, method))
		return true;
	failure_set(login->why, FAILURE_SERVER_LOGIN, "authentication method requirement failed");
	return failure_detail(login->why, "require_auth of the database entry does not allow \"%s\".",
			      method);
}

static bool answer_plain(struct login *login)
{
	const struct credentials *credentials = login->credentials;

	if (!check_required(login, "password"))
		return false;
	return credentials->kind == SECRET_PLAIN ?
		       send_response(login, credentials->secret, strlen(credentials->secret) + 1) :
		       wrong_type(login, "The server asks for a password in the clear.");
}

static bool answer_md5(struct login *login, const char *salt, size_t length)
{
	const struct credentials *credentials = login->credentials;
	char hash[MD5_TEXT_BYTES];
	char text[MD5_TEXT_BYTES];

	if (!check_required(login, "md5"))
		return false;
	if (credentials->kind == SECRET_MD5)
		memcpy(hash, credentials->secret, sizeof hash);
	else if (credentials->kind != SECRET_PLAIN ||
		 !md5_secret(credentials->secret, login->user, hash))
		return wrong_type(login, "The server asks for an md5 hash.");
	if (length != MD5_SALT_BYTES)
		return broke_protocol(login, "The salt has not four bytes.");
	if (!md5_response(hash, (const unsigned char *)salt, text))
		return wrong_type(login, "OpenSSL has no md5.");
	bool sent = send_response(login, text, sizeof text);
	explicit_bzero(text, sizeof text);
	explicit_bzero(hash, sizeof hash);
	return sent;
}

/* Names that end with a zero each, and an empty one. */
static bool is_offered(const char *list, size_t length, const char *mechanism)
{
	const char *end = list + length;

	while (list < end && *list != '\0') {
		size_t name = strnlen(list, (size_t)(end - list));
		if (name == strlen(mechanism) && memcmp(list, mechanism, name) == 0)
			return true;
		list += name + 1;
	}
	return false;
}

/*
 * Binds the login to the server's certificate wherever both can, as libpq does by default: somebody in
 * between with a certificate of his own, or who shortens the list, is found out. NULL: `why`.
 */
static const char *choose_mechanism(struct login *login, const char *list, size_t length)
{
	struct scram_client *scram = &login->scram;
	bool is_encrypted = tls_ssl(&login->stream) != NULL;
	bool has_plus = is_offered(list, length, SCRAM_MECHANISM_PLUS);

	if (has_plus && !is_encrypted)
		return failure_set(login->why, FAILURE_SERVER_LOGIN,
				   "server offered SCRAM-SHA-256-PLUS over a non-SSL connection"),
		       NULL;
	scram->is_encrypted = is_encrypted && login->binds;
	scram->uses_plus = has_plus && scram->is_encrypted;
	if (scram->uses_plus &&
	    !certificate_peer_end_point(&login->stream, scram->binding, &scram->binding_length))
		return failure_set(login->why, FAILURE_SERVER_LOGIN,
				   "no hash binds to the server's certificate, without "
				   "channel_binding=disable"),
		       NULL;
	if (scram->uses_plus)
		return SCRAM_MECHANISM_PLUS;
	if (is_offered(list, length, SCRAM_MECHANISM))
		return SCRAM_MECHANISM;
	failure_set(login->why, FAILURE_SERVER_LOGIN,
		    "none of the server's SASL authentication mechanisms are supported");
	return NULL;
}

static bool begin_sasl(struct login *login, const char *list, size_t length)
{
	const struct credentials *credentials = login->credentials;
	unsigned char random[SCRAM_NONCE_BYTES];
	struct writer writer;

	if (!check_required(login, "scram-sha-256"))
		return false;
	if (credentials->kind == SECRET_MD5)
		return wrong_type(login, "The server asks for SCRAM, and only an md5 hash is known.");
	if (credentials->kind == SECRET_NONE)
		return wrong_type(login, "The server asks for SCRAM, and no password is known.");
	if (credentials->kind == SECRET_SCRAM && !credentials->has_client_key)
		return wrong_type(login, "The server asks for SCRAM, and no client has logged in "
					 "with SCRAM and this secret.");
	if (login->sasl_begun)
		return failure_set(login->why, FAILURE_SERVER_LOGIN,
				   "none of the server's SASL authentication mechanisms are supported");
	const char *mechanism = choose_mechanism(login, list, length);
	if (mechanism == NULL)
		return false;
	if (RAND_bytes(random, sizeof random) != 1)
		return failure_set(login->why, FAILURE_NO_MEMORY);
	login->sasl_begun = true;
	login->scram.secret = credentials->scram;
	memcpy(login->scram.client_key, credentials->client_key, SCRAM_KEY_BYTES);
	scram_client_first(&login->scram, random);
	writer_init(&writer);
	message_begin(&writer, 'p');
	write_text(&writer, mechanism);
	write_uint32(&writer, (uint32_t)strlen(login->scram.answer));
	write_bytes(&writer, login->scram.answer, strlen(login->scram.answer));
	message_end(&writer);
	return send_all(login, &writer);
}

/* The keys of a password take a while; what stands in the scratch buffer is gone by then. */
static bool keep_challenge(struct login *login, const char *data, size_t length)
{
	login->challenge = malloc(length + 1);
	if (login->challenge == NULL)
		return failure_set(login->why, FAILURE_NO_MEMORY);
	memcpy(login->challenge, data, length);
	login->challenge_length = length;
	return true;
}

static void derive(void *arg)
{
	struct login *login = arg;

	login->is_derived = scram_secret_derive(&login->scram.secret, login->credentials->secret,
						login->scram.client_key);
}

static bool await_proof(struct login *login)
{
	struct worker *worker = login->worker;
	char *challenge = login->challenge;
	bool sent = await_offload(worker->offload, &worker->loop, derive, login) &&
		    login->is_derived;

	if (!sent)
		failure_set(login->why, FAILURE_NO_MEMORY);
	else
		sent = scram_client_final(&login->scram, challenge, login->challenge_length,
					  login->why) &&
		       send_response(login, login->scram.answer, strlen(login->scram.answer));
	login->challenge = NULL;
	free(challenge);
	return sent;
}

static bool continue_sasl(struct login *login, const char *data, size_t length)
{
	if (!login->sasl_begun || login->sasl_done)
		return broke_protocol(login, "A part of SASL came that was not due.");
	if (login->proof_sent)
		return broke_protocol(login, "A second challenge of SASL came.");
	login->proof_sent = true;
	if (login->credentials->kind == SECRET_PLAIN)
		return scram_client_take_salt(&login->scram, data, length, login->why) &&
		       keep_challenge(login, data, length);
	return scram_client_final(&login->scram, data, length, login->why) &&
	       send_response(login, login->scram.answer, strlen(login->scram.answer));
}

static bool end_sasl(struct login *login, const char *data, size_t length)
{
	if (!login->proof_sent || login->sasl_done)
		return broke_protocol(login, "A part of SASL came that was not due.");
	login->sasl_done = scram_client_verify(&login->scram, data, length, login->why);
	return login->sasl_done;
}

static bool answer(struct login *login, const struct message *message)
{
	if (message->body_length < 4)
		return broke_protocol(login, "A request for authentication is too short.");
	const char *data = message->body + 4;
	size_t length = message->body_length - 4;
	switch (read_uint32(message->body)) {
	case AUTHENTICATION_OK:
		/* A server that skips its proof may be one that only wants our queries. */
		if (login->sasl_begun && !login->sasl_done)
			return broke_protocol(login, "The server did not prove that it knows the secret.");
		if (!login->was_asked && !check_required(login, "none"))
			return false;
		login->let_in = true;
		return true;
	case AUTHENTICATION_PLAIN:
		return answer_plain(login);
	case AUTHENTICATION_MD5:
		return answer_md5(login, data, length);
	case AUTHENTICATION_SASL:
		return begin_sasl(login, data, length);
	case AUTHENTICATION_SASL_CONTINUE:
		return continue_sasl(login, data, length);
	case AUTHENTICATION_SASL_FINAL:
		return end_sasl(login, data, length);
	default:
		return wrong_type(login, "The server asks for a way to log in that is not known here.");
	}
}

/* --- what is told ------------------------------------------------------------------------- */

static bool note_parameter(struct login *login, const struct message *message)
{
	const char *name = message->body;
	size_t length = message->body_length;
	size_t name_bytes = strnlen(name, length) + 1;

	if (length < 2 || name[length - 1] != '\0' || name_bytes >= length)
		return broke_protocol(login, "broken ParameterStatus packet");
	return server_note_base(login->server, login->worker->pools->parameters, name,
				name + name_bytes) ||
	       failure_set(login->why, FAILURE_NO_MEMORY);
}

static bool note_key(struct login *login, const struct message *message)
{
	if (message->body_length != 8)
		return broke_protocol(login, "bad cancel key: it has not eight bytes");
	login->direct->backend_pid = (int)read_uint32(message->body);
	login->direct->cancel_key = read_uint32(message->body + 4);
	return true;
}

static bool take_message(struct login *login, const struct message *message)
{
	switch (message->letter) {
	case AUTHENTICATION_LETTER:
		return login->let_in ? broke_protocol(login, "Authentication began anew.") :
				       answer(login, message);
	case BACKEND_ERROR:
		return failure_from_server(login->why, FAILURE_SERVER_REFUSED, message->body,
					   message->body_length),
		       false;
	case BACKEND_NOTICE:
		return true;
	case BACKEND_PARAMETER_STATUS:
		return login->let_in ? note_parameter(login, message) :
				       broke_protocol(login, "A parameter came too early.");
	case 'K': /* BackendKeyData */
		return login->let_in ? note_key(login, message) :
				       broke_protocol(login, "A cancel key came too early.");
	case BACKEND_READY_FOR_QUERY:
		login->ready = login->let_in;
		return login->let_in || broke_protocol(login, "The server is ready too early.");
	default:
		return broke_protocol(login, "A message came that belongs to no login.");
	}
}

static bool take_messages(struct login *login, char *data, size_t length)
{
	char *end = data + length;
	struct message message;

	while (!login->ready && login->challenge == NULL && message_look(data, (size_t)(end - data), &message)) {
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
		if (login->challenge != NULL && !await_proof(login))
			return false;
		if (got < 0 && !await_readable(&login->stream, deadline))
			return failure_set(login->why, errno == ETIMEDOUT ?
							       FAILURE_CONNECT_TIMEOUT :
							       FAILURE_SERVER_SHUTTING_DOWN);
	}
	return true;
}

static void spoke(struct stream *stream)
{
	(void)stream;
}

/* What libpq would do and this login does not; better no connection than one of another kind. */
static bool is_within_reach(const struct conninfo *conninfo, struct failure *why)
{
	const char *attributes = conninfo_value(conninfo, "target_session_attrs");
	const char *binding = conninfo_value(conninfo, "channel_binding");
	const char *negotiation = conninfo_value(conninfo, "sslnegotiation");

	if ((binding == NULL || strcmp(binding, "require") != 0) &&
	    (negotiation == NULL || strcmp(negotiation, "direct") != 0) && (attributes == NULL || strcmp(attributes, "any") == 0) &&
	    conninfo_value(conninfo, "requirepeer") == NULL)
		return true;
	failure_set(why, FAILURE_SERVER_LOGIN, "wrong password type");
	return failure_detail(why, "This libpq cannot log in with such a secret, or has no "
				   "require_auth, and the pooler by itself has no channel_binding, "
				   "sslnegotiation, target_session_attrs or requirepeer.");
}

bool await_direct_login(struct server *server, struct worker *worker,
			const struct conninfo *conninfo, const struct credentials *credentials,
			struct failure *why, int64_t deadline)
{
	struct login login = {
		.server = server,
		.worker = worker,
		.credentials = credentials,
		.user = conninfo_value(conninfo, "user"),
		.required = conninfo_value(conninfo, "require_auth"),
		.why = why,
	};
	const char *binding = conninfo_value(conninfo, "channel_binding");

	login.binds = binding == NULL || strcmp(binding, "disable") != 0;
	if (!is_within_reach(conninfo, why))
		return false;
	login.direct = calloc(1, sizeof *login.direct);
	if (login.direct == NULL)
		return failure_set(why, FAILURE_NO_MEMORY);
	login.direct->fd = -1;
	bool done = await_reached(login.direct, &worker->loop, conninfo, why, deadline);
	if (done) {
		stream_init(&login.stream, &worker->loop, login.direct->fd, spoke);
		done = await_server_tls(login.direct, &login.stream, conninfo, why, deadline) &&
		       send_startup(&login, conninfo) && await_ready(&login, deadline);
		stream_release(&login.stream);
	}
	scram_client_release(&login.scram);
	free(login.challenge);
	if (done)
		server_adopt(server, &login.direct);
	direct_free(login.direct);
	return done;
}
