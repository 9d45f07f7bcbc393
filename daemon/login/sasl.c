#include "daemon/login/sasl.h"

#include <string.h>

#include "daemon/login/prepare_keys.h"
#include "daemon/runtime/certificate.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "protocol/keyring.h"
#include "protocol/message.h"
#include "protocol/scram_server.h"
#include "protocol/secret.h"

/* --- the secret --------------------------------------------------------------------------- */

/* Salt and iterations are told at once; the keys of a plain password can wait. */
static bool find_secret(struct exchange *exchange, struct scram_secret *secret)
{
	const struct worker *worker = exchange->session->worker;

	if (scram_secret_parse(exchange->stored, secret))
		return true;
	scram_invent_salt(secret, (uint32_t)worker->settings->scram_iterations,
			  worker->keyring->process_key, exchange->session->user_name);
	return false;
}

/* --- the messages ------------------------------------------------------------------------- */

static bool malformed(struct exchange *exchange, const char *detail)
{
	failure_set(exchange->why, FAILURE_SASL_MALFORMED);
	return failure_detail(exchange->why, "%s", detail);
}

static bool offer(struct exchange *exchange, const struct scram_server *server)
{
	static const char both[] = SCRAM_MECHANISM_PLUS "\0" SCRAM_MECHANISM "\0";
	static const char one[] = SCRAM_MECHANISM "\0";

	return server->offered_plus ? exchange_send(exchange, AUTHENTICATION_SASL, both, sizeof both) :
				      exchange_send(exchange, AUTHENTICATION_SASL, one, sizeof one);
}

/* SASLInitialResponse: the mechanism, and the first message with its length in front. */
static bool take_first(struct exchange *exchange, struct scram_server *server)
{
	unsigned char random[SCRAM_NONCE_BYTES];
	const char *mechanism = exchange->response;
	size_t name_bytes = strlen(mechanism) + 1;

	server->uses_plus = strcmp(mechanism, SCRAM_MECHANISM_PLUS) == 0;
	if (server->uses_plus ? !server->offered_plus : strcmp(mechanism, SCRAM_MECHANISM) != 0)
		return malformed(exchange, "The client chose a mechanism that was not offered.");
	if (exchange->response_length < name_bytes + 4 ||
	    read_uint32(mechanism + name_bytes) != exchange->response_length - name_bytes - 4)
		return malformed(exchange, "The initial response has no proper length.");
	if (!random_take(&exchange->session->worker->random, random, sizeof random))
		return failure_set(exchange->why, FAILURE_NO_MEMORY);
	return scram_server_first(server, mechanism + name_bytes + 4,
				  exchange->response_length - name_bytes - 4, random,
				  exchange->why);
}

static bool await_conversation(struct exchange *exchange, struct scram_server *server)
{
	bool has_keys = find_secret(exchange, &server->secret);

	if (!offer(exchange, server) || !await_response(exchange, FAILURE_SASL_FAILED) ||
	    !take_first(exchange, server) ||
	    !exchange_send(exchange, AUTHENTICATION_SASL_CONTINUE, server->answer,
			   strlen(server->answer)) ||
	    !await_response(exchange, FAILURE_SASL_FAILED))
		return false;
	if (!has_keys && !await_keys(exchange->session->worker, exchange->session->user_name,
				     exchange->stored, server->secret.iterations, &server->secret))
		return failure_set(exchange->why, FAILURE_NO_MEMORY);
	if (!scram_server_final(server, exchange->response, exchange->response_length,
				exchange->why))
		return false;
	/* With a salt that was made up it opens nothing else. */
	if (secret_kind(exchange->stored) == SECRET_SCRAM)
		exchange_note_proven(exchange, &server->secret, server->client_key);
	return exchange_send(exchange, AUTHENTICATION_SASL_FINAL, server->answer, strlen(server->answer));
}

bool await_sasl(struct exchange *exchange)
{
	struct scram_server server = {.doomed = exchange->doomed};

	/* Only where both ends can see the same certificate. */
	server.offered_plus = certificate_end_point(&exchange->session->client, server.binding,
						    &server.binding_length);
	bool proven = await_conversation(exchange, &server);
	scram_server_release(&server);
	return proven;
}
