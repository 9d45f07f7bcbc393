/*
 * SCRAM-SHA-256: secrets and the keys in them. The conversation is in protocol/scram_server.h (the
 * pooler lets a client in) and protocol/scram_client.h (the pooler logs in to a server).
 *
 * A secret is what a server stores of a password:
 *	SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>
 * StoredKey is the hash of ClientKey; whoever has ClientKey can log in. The pooler sees ClientKey
 * when a client proves it, and can then log in for it to a server that has the same secret.
 * Source: RFC 5802 and RFC 7677; PostgreSQL manual, "pg_authid" and "SASL Authentication".
 */
#ifndef MILLPOND_PROTOCOL_SCRAM_H
#define MILLPOND_PROTOCOL_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/base64.h"

#define SCRAM_KEY_BYTES ((size_t)32)
#define SCRAM_SALT_MOST ((size_t)512) /* with both nonces it fits into a message of SCRAM_MESSAGE_MOST */
#define SCRAM_SALT_BYTES ((size_t)16)  /* of the salts made here, as PostgreSQL's are */
#define SCRAM_NONCE_BYTES ((size_t)18) /* of the random part of a nonce, before base64 */
#define SCRAM_TEXT_MOST ((size_t)800)  /* a secret's text with the longest salt, and a zero */

/* A second of work, and no more is done for a password because somebody else says so; PostgreSQL's own is
 * 4096. */
#define SCRAM_ITERATIONS_MOST ((uint32_t)2000000)

/* PostgreSQL takes no longer SASL message from a client (PG_MAX_SASL_MESSAGE_LENGTH). */
#define SCRAM_MESSAGE_MOST ((size_t)1024)

#define SCRAM_HEADER_BYTES ((size_t)32)  /* of the longest gs2-header, and a zero */
#define SCRAM_BINDING_MOST ((size_t)64) /* of the digest of a certificate */
#define SCRAM_BINDING_TEXT_BYTES (BASE64_LENGTH(SCRAM_HEADER_BYTES + SCRAM_BINDING_MOST) + 1)

#define SCRAM_MECHANISM "SCRAM-SHA-256"
#define SCRAM_MECHANISM_PLUS "SCRAM-SHA-256-PLUS"
#define SCRAM_SECRET_PREFIX SCRAM_MECHANISM "$"
#define SCRAM_BINDING_TYPE "tls-server-end-point" /* the one that PostgreSQL knows (RFC 5929) */

struct scram_secret {
	uint32_t iterations;
	size_t salt_length;
	unsigned char salt[SCRAM_SALT_MOST];
	unsigned char stored_key[SCRAM_KEY_BYTES];
	unsigned char server_key[SCRAM_KEY_BYTES];
};

/* False: the text is no such secret, and `secret` says nothing. */
bool scram_secret_parse(const char *text, struct scram_secret *secret);

/* Writes the secret's text; the buffer takes SCRAM_TEXT_MOST bytes. */
void scram_secret_print(const struct scram_secret *secret, char *text);

/*
 * Computes the keys for a password from the salt and the iterations that are set. Takes milliseconds
 * (that is its purpose). The password is prepared as protocol/saslprep.h says. False when OpenSSL
 * refuses: then no key is of use, and `client_key`, which may be NULL, is not filled in.
 */
bool scram_secret_derive(struct scram_secret *secret, const char *password,
			 unsigned char client_key[SCRAM_KEY_BYTES]);

/* Whether the password is the one of the secret; takes as long as scram_secret_derive(), and
 * `client_key` is as there. */
bool scram_secret_has_password(const struct scram_secret *secret, const char *password,
			       unsigned char client_key[SCRAM_KEY_BYTES]);

/* Whether the key belongs to the secret: its hash is StoredKey. */
bool scram_key_fits(const struct scram_secret *secret,
		    const unsigned char client_key[SCRAM_KEY_BYTES]);

/*
 * Sets iterations and a salt that looks like a real one and is the same whenever the same user is
 * asked for, until the process ends; nobody without `process_key` can tell it from a stored one.
 */
void scram_invent_salt(struct scram_secret *secret, uint32_t iterations,
		       const unsigned char process_key[SCRAM_KEY_BYTES], const char *user);

/* --- for the two roles --- */

/* HMAC-SHA-256. False when OpenSSL refuses. */
bool scram_hmac(const unsigned char key[SCRAM_KEY_BYTES], const void *data, size_t length,
		unsigned char result[SCRAM_KEY_BYTES]);
bool scram_hash(const void *data, size_t length, unsigned char result[SCRAM_KEY_BYTES]);

/*
 * Takes the attribute `letter`=value off the front of `*cursor`, up to the next comma or `end`, and
 * steps over that comma. False: something else stands there, or nothing.
 */
bool scram_take(const char **cursor, const char *end, char letter, const char **value,
		size_t *length);

/*
 * Writes what the attribute c= has to say, in base64 and with a zero: the header of the client's first
 * message, and unless `binding` is NULL the digest of the server's certificate (RFC 5802, section 7).
 * Answers its length.
 */
size_t scram_write_binding(const char *gs2_header, const unsigned char *binding,
			   size_t binding_length, char text[SCRAM_BINDING_TEXT_BYTES]);

/* Whether all bytes are printable ASCII without commas, as a nonce must be. */
bool scram_is_printable(const char *text, size_t length);

#endif
