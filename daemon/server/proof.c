#include "daemon/server/proof.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/offload.h"
#include "daemon/runtime/certificate.h"
#include "daemon/runtime/stream.h"
#include "daemon/runtime/tls.h"
#include "daemon/server/require_auth.h"
#include "daemon/worker.h"
#include "protocol/message.h"
#include "protocol/writer.h"

void proof_init(struct proof *proof, struct worker *worker, struct stream *stream,
		const struct conninfo *conninfo, const struct credentials *credentials,
		struct failure *why)
{
	const char *binding = conninfo_value(conninfo, "channel_binding");

	*proof = (struct proof){
		.worker = worker,
		.stream = stream,
		.credentials = credentials,
		.user = conninfo_value(conninfo, "user"),
		.required = conninfo_value(conninfo, "require_auth"),
		.binds = binding == NULL || strcmp(binding, "disable") != 0,
		.must_bind = binding != NULL && strcmp(binding, "require") == 0,
		.why = why,
	};
}

void proof_release(struct proof *proof)
{
	scram_client_release(&proof->scram);
	free(proof->challenge);
}

bool proof_broken(struct proof *proof, const char *how)
{
	failure_set(proof->why, FAILURE_SERVER_PROTOCOL);
	return failure_detail(proof->why, "%s", how);
}

static bool wrong_type(struct proof *proof, const char *detail)
{
	failure_set(proof->why, FAILURE_SERVER_LOGIN, "wrong password type");
	return failure_detail(proof->why, "%s", detail);
}

bool proof_send(struct proof *proof, struct writer *writer)
{
	bool sent = !writer->failed && stream_send(proof->stream, writer->data, writer->length);

	writer_wipe(writer);
	return sent || failure_set(proof->why, FAILURE_SERVER_GONE);
}

static bool send_response(struct proof *proof, const void *data, size_t length)
{
	struct writer writer;

	writer_init(&writer);
	message_begin(&writer, AUTHENTICATION_RESPONSE_LETTER);
	write_bytes(&writer, data, length);
	message_end(&writer);
	return proof_send(proof, &writer);
}

/* Refuses what is not SCRAM-SHA-256-PLUS where the entry insists on it. Texts as libpq has them. */
static bool check_bound(struct proof *proof, bool is_bound, const char *otherwise)
{
	return is_bound || !proof->must_bind ||
	       failure_set(proof->why, FAILURE_SERVER_LOGIN, otherwise);
}

/* What the entry does not want to be asked for is not answered, and not even looked at. */
static bool check_required(struct proof *proof, const char *method)
{
	bool may_bind = strcmp(method, "scram-sha-256") == 0;
	const char *otherwise = strcmp(method, "none") == 0 ?
					"channel binding required, but server authenticated client "
					"without channel binding" :
					"channel binding required but not supported by server's "
					"authentication request";

	proof->was_asked = true;
	if (require_auth_allows(proof->required, method))
		return check_bound(proof, may_bind, otherwise);
	failure_set(proof->why, FAILURE_SERVER_LOGIN, "authentication method requirement failed");
	return failure_detail(proof->why, "require_auth of the database entry does not allow \"%s\".",
			      method);
}

static bool answer_plain(struct proof *proof)
{
	const struct credentials *credentials = proof->credentials;

	if (!check_required(proof, "password"))
		return false;
	return credentials->kind == SECRET_PLAIN ?
		       send_response(proof, credentials->secret, strlen(credentials->secret) + 1) :
		       wrong_type(proof, "The server asks for a password in the clear.");
}

static bool answer_md5(struct proof *proof, const char *salt, size_t length)
{
	const struct credentials *credentials = proof->credentials;
	char hash[MD5_TEXT_BYTES];
	char text[MD5_TEXT_BYTES];

	if (!check_required(proof, "md5"))
		return false;
	if (credentials->kind == SECRET_MD5)
		memcpy(hash, credentials->secret, sizeof hash);
	else if (credentials->kind != SECRET_PLAIN ||
		 !md5_secret(credentials->secret, proof->user, hash))
		return wrong_type(proof, "The server asks for an md5 hash.");
	if (length != MD5_SALT_BYTES)
		return proof_broken(proof, "The salt has not four bytes.");
	if (!md5_response(hash, (const unsigned char *)salt, text))
		return wrong_type(proof, "OpenSSL has no md5.");
	bool sent = send_response(proof, text, sizeof text);
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

static const char *no_mechanism(struct proof *proof, const char *reason)
{
	failure_set(proof->why, FAILURE_SERVER_LOGIN, reason);
	return NULL;
}

/* Somebody in between may have chosen the certificate for that, so that nothing weaker is taken instead. */
static const char *no_digest(struct proof *proof)
{
	failure_set(proof->why, FAILURE_SERVER_LOGIN, "no hash binds to the server's certificate");
	failure_detail(proof->why, "It is signed with Ed25519, Ed448 or the like: that takes "
				   "channel_binding=disable in the database entry.");
	return NULL;
}

/*
 * Binds the login to the server's certificate wherever both can, as libpq does by default: somebody in
 * between with a certificate of his own, or who shortens the list, is found out. NULL: `why`.
 */
static const char *choose_mechanism(struct proof *proof, const char *list, size_t length)
{
	struct scram_client *scram = &proof->scram;
	bool is_encrypted = tls_ssl(proof->stream) != NULL;
	bool has_plus = is_offered(list, length, SCRAM_MECHANISM_PLUS);

	if (has_plus && !is_encrypted)
		return no_mechanism(proof,
				    "server offered SCRAM-SHA-256-PLUS over a non-SSL connection");
	scram->is_encrypted = is_encrypted && proof->binds;
	scram->uses_plus = has_plus && scram->is_encrypted;
	if (scram->uses_plus &&
	    !certificate_peer_end_point(proof->stream, scram->binding, &scram->binding_length))
		return no_digest(proof);
	if (!check_bound(proof, scram->uses_plus,
			 is_encrypted ? "channel binding is required, but server did not offer an "
					"authentication method that supports channel binding" :
					"channel binding required, but SSL not in use"))
		return NULL;
	if (scram->uses_plus)
		return SCRAM_MECHANISM_PLUS;
	if (is_offered(list, length, SCRAM_MECHANISM))
		return SCRAM_MECHANISM;
	return no_mechanism(proof,
			    "none of the server's SASL authentication mechanisms are supported");
}

/* Whether there is a key for SCRAM, or a password to make it of. */
static bool check_credentials(struct proof *proof)
{
	const struct credentials *credentials = proof->credentials;

	if (credentials->kind == SECRET_MD5)
		return wrong_type(proof, "The server asks for SCRAM, and only an md5 hash is known.");
	if (credentials->kind == SECRET_NONE)
		return wrong_type(proof, "The server asks for SCRAM, and no password is known.");
	if (credentials->kind == SECRET_BROKEN)
		return wrong_type(proof, "The server asks for SCRAM, and the secret that is known is broken.");
	if (credentials->kind == SECRET_SCRAM && !credentials->has_client_key)
		return wrong_type(proof, "The server asks for SCRAM, and no client has logged in "
					 "with SCRAM and this secret.");
	return true;
}

static bool send_mechanism(struct proof *proof, const char *mechanism)
{
	const char *first = proof->scram.answer;
	struct writer writer;

	writer_init(&writer);
	message_begin(&writer, AUTHENTICATION_RESPONSE_LETTER);
	write_text(&writer, mechanism);
	write_uint32(&writer, (uint32_t)strlen(first));
	write_bytes(&writer, first, strlen(first));
	message_end(&writer);
	return proof_send(proof, &writer);
}

static bool begin_sasl(struct proof *proof, const char *list, size_t length)
{
	unsigned char random[SCRAM_NONCE_BYTES];

	if (!check_required(proof, "scram-sha-256") || !check_credentials(proof))
		return false;
	if (proof->sasl_begun)
		return failure_set(proof->why, FAILURE_SERVER_LOGIN,
				   "none of the server's SASL authentication mechanisms are supported");
	const char *mechanism = choose_mechanism(proof, list, length);
	if (mechanism == NULL)
		return false;
	if (RAND_bytes(random, sizeof random) != 1)
		return failure_set(proof->why, FAILURE_NO_MEMORY);
	proof->sasl_begun = true;
	proof->scram.secret = proof->credentials->scram;
	memcpy(proof->scram.client_key, proof->credentials->client_key, SCRAM_KEY_BYTES);
	scram_client_first(&proof->scram, random);
	return send_mechanism(proof, mechanism);
}

/* The keys of a password take a while; what stands in the scratch buffer is gone by then. */
static bool keep_challenge(struct proof *proof, const char *data, size_t length)
{
	proof->challenge = malloc(length + 1);
	if (proof->challenge == NULL)
		return failure_set(proof->why, FAILURE_NO_MEMORY);
	memcpy(proof->challenge, data, length);
	proof->challenge_length = length;
	return true;
}

static void derive(void *arg)
{
	struct proof *proof = arg;

	proof->is_derived = scram_secret_derive(&proof->scram.secret, proof->credentials->secret,
						proof->scram.client_key);
}

bool await_proof(struct proof *proof)
{
	struct worker *worker = proof->worker;
	char *challenge = proof->challenge;
	bool sent = await_offload(&worker->helpers->keys, &worker->loop, derive, proof) &&
		    proof->is_derived;

	if (!sent)
		failure_set(proof->why, FAILURE_NO_MEMORY);
	else
		sent = scram_client_final(&proof->scram, challenge, proof->challenge_length,
					  proof->why) &&
		       send_response(proof, proof->scram.answer, strlen(proof->scram.answer));
	proof->challenge = NULL;
	free(challenge);
	return sent;
}

static bool continue_sasl(struct proof *proof, const char *data, size_t length)
{
	if (!proof->sasl_begun || proof->sasl_done)
		return proof_broken(proof, "A part of SASL came that was not due.");
	if (proof->proof_sent)
		return proof_broken(proof, "A second challenge of SASL came.");
	proof->proof_sent = true;
	if (proof->credentials->kind == SECRET_PLAIN)
		return scram_client_take_salt(&proof->scram, data, length, proof->why) &&
		       keep_challenge(proof, data, length);
	return scram_client_final(&proof->scram, data, length, proof->why) &&
	       send_response(proof, proof->scram.answer, strlen(proof->scram.answer));
}

static bool end_sasl(struct proof *proof, const char *data, size_t length)
{
	if (!proof->proof_sent || proof->sasl_done)
		return proof_broken(proof, "A part of SASL came that was not due.");
	proof->sasl_done = scram_client_verify(&proof->scram, data, length, proof->why);
	return proof->sasl_done;
}

bool proof_answer(struct proof *proof, const struct message *message)
{
	if (message->body_length < 4)
		return proof_broken(proof, "A request for authentication is too short.");
	const char *data = message->body + 4;
	size_t length = message->body_length - 4;
	switch (read_uint32(message->body)) {
	case AUTHENTICATION_OK:
		/* A server that skips its proof may be one that only wants our queries. */
		if (proof->sasl_begun && !proof->sasl_done)
			return proof_broken(proof, "The server did not prove that it knows the secret.");
		if (!proof->was_asked && !check_required(proof, "none"))
			return false;
		proof->let_in = true;
		return true;
	case AUTHENTICATION_PLAIN:
		return answer_plain(proof);
	case AUTHENTICATION_MD5:
		return answer_md5(proof, data, length);
	case AUTHENTICATION_SASL:
		return begin_sasl(proof, data, length);
	case AUTHENTICATION_SASL_CONTINUE:
		return continue_sasl(proof, data, length);
	case AUTHENTICATION_SASL_FINAL:
		return end_sasl(proof, data, length);
	default:
		return wrong_type(proof, "The server asks for a way to log in that is not known here.");
	}
}
