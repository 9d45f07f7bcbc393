/*
 * The server's side of SCRAM-SHA-256: a client proves to the pooler that it knows a password.
 *
 *	client-first:  n,,n=,r=<nonce>             scram_server_first()
 *	server-first:  r=<both nonces>,s=<salt>,i=<iterations>
 *	client-final:  c=biws,r=<both>,p=<proof>   scram_server_final()
 *	server-final:  v=<signature>
 *
 * Between the two calls the keys of the secret may still be missing: only the salt and the
 * iterations are told in the first answer.
 * Source: RFC 5802, sections 5 to 7; RFC 5929, section 4 (tls-server-end-point).
 */
#ifndef MILLPOND_PROTOCOL_SCRAM_SERVER_H
#define MILLPOND_PROTOCOL_SCRAM_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/failure.h"
#include "protocol/scram.h"

struct scram_server {
	/* Filled in by the caller. */
	struct scram_secret secret;
	bool doomed;   /* whatever the client proves, it is refused: there is no such user */
	bool uses_plus;	   /* the client chose SCRAM-SHA-256-PLUS */
	bool offered_plus; /* it could have */
	size_t binding_length;
	unsigned char binding[SCRAM_BINDING_MOST]; /* digest of our certificate */

	/* The conversation so far. */
	char gs2_header[SCRAM_HEADER_BYTES];
	char first_bare[SCRAM_MESSAGE_MOST + 1];
	char answer[SCRAM_MESSAGE_MOST + 768]; /* what to send next; a text */
	char server_first[SCRAM_MESSAGE_MOST + 768];
	const char *nonce; /* in server_first */
	size_t nonce_length;
	unsigned char client_key[SCRAM_KEY_BYTES]; /* proven, after scram_server_final() */
};

/*
 * Takes the client's first message; `random` are SCRAM_NONCE_BYTES that nobody can guess. True: send
 * `answer`. False: the message is malformed, or tries to go without the channel binding that was
 * offered.
 */
bool scram_server_first(struct scram_server *server, const char *message, size_t length,
			const unsigned char random[SCRAM_NONCE_BYTES], struct failure *why);

/*
 * Takes the client's last message. True: it knows the password; send `answer`, and `client_key` is
 * what it proved with. False: malformed, FAILURE_SASL_FAILED when it does not.
 */
bool scram_server_final(struct scram_server *server, const char *message, size_t length,
			struct failure *why);

/* Wipes it. */
void scram_server_release(struct scram_server *server);

#endif
