/*
 * The client's side of SCRAM-SHA-256: the pooler logs in to a server for a client that has proved
 * its key to the pooler, without knowing the password. See protocol/scram_server.h for the four
 * messages. The server is not trusted: what it asks for must be what the secret says, and it must
 * prove that it knows the secret, too.
 * Source: RFC 5802, sections 5 to 7.
 */
#ifndef MILLPOND_PROTOCOL_SCRAM_CLIENT_H
#define MILLPOND_PROTOCOL_SCRAM_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/failure.h"
#include "protocol/scram.h"

struct scram_client {
	/* Filled in by the caller. */
	struct scram_secret secret; /* the server must have the same one */
	unsigned char client_key[SCRAM_KEY_BYTES];
	bool uses_plus;	   /* SCRAM-SHA-256-PLUS was chosen */
	bool is_encrypted; /* ... or could be used, were it offered */
	size_t binding_length;
	unsigned char binding[SCRAM_BINDING_MOST]; /* digest of the server's certificate */

	/* The conversation so far. */
	char gs2_header[SCRAM_HEADER_BYTES];
	char first_bare[64];
	char answer[3 * SCRAM_MESSAGE_MOST]; /* what to send next; a text */
	unsigned char server_signature[SCRAM_KEY_BYTES]; /* what the server must say at last */
};

/* Writes the first message to `answer`; `random` are SCRAM_NONCE_BYTES that nobody can guess. */
void scram_client_first(struct scram_client *client, const unsigned char random[SCRAM_NONCE_BYTES]);

/*
 * Fills in the salt and the iterations of the secret from the server's first message, for a client who
 * has a password; its keys are to be derived from them. False if the message is malformed, or asks for
 * more work than any server should.
 */
bool scram_client_take_salt(struct scram_client *client, const char *message, size_t length,
			    struct failure *why);

/* Takes the server's first message. True: send `answer`. */
bool scram_client_final(struct scram_client *client, const char *message, size_t length,
			struct failure *why);

/* Takes the server's last message. True: it knows the secret. */
bool scram_client_verify(const struct scram_client *client, const char *message, size_t length,
			 struct failure *why);

/* Wipes it. */
void scram_client_release(struct scram_client *client);

#endif
