/*
 * What a server asks of whoever logs in without libpq, and how it is proved that we know the secret: a
 * password, an md5 hash, or SCRAM's keys, bound to the server's certificate where both sides can. The
 * server gets nothing that it could not have computed from what it has stored, and never the answer to a
 * question that was not expected.
 * Source: PostgreSQL manual, "Message Flow": Start-up; SASL Authentication. RFC 5802, 7677, 5929.
 */
#ifndef MILLPOND_SERVER_PROOF_H
#define MILLPOND_SERVER_PROOF_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/server/conninfo.h"
#include "daemon/server/credentials.h"
#include "protocol/failure.h"
#include "protocol/scram_client.h"

struct message;
struct stream;
struct worker;
struct writer;

struct proof {
	struct worker *worker;
	struct stream *stream;
	const struct credentials *credentials;
	const char *user;
	const char *required; /* require_auth, or NULL */
	bool binds;	      /* channel_binding is not disable */
	bool must_bind;	      /* ... but require */
	struct scram_client scram;
	char *challenge; /* of a server that a password is proved to: its keys are to be derived */
	size_t challenge_length;
	bool was_asked; /* for any proof */
	bool is_derived;
	bool sasl_begun;
	bool proof_sent; /* that we know it */
	bool sasl_done;	 /* the server has proved that it knows the secret */
	bool let_in;
	struct failure *why;
};

/* All that is pointed to stays the caller's, and in its place until proof_release(). */
void proof_init(struct proof *proof, struct worker *worker, struct stream *stream,
		const struct conninfo *conninfo, const struct credentials *credentials,
		struct failure *why);

void proof_release(struct proof *proof);

/*
 * Takes an Authentication message, which is whole, and answers it, or notes that its challenge waits for
 * await_proof(). Afterwards `let_in` says whether the server is content. False: `why`.
 */
bool proof_answer(struct proof *proof, const struct message *message);

/* Derives the keys of a password in a helper thread, and answers the challenge. False: `why`. */
bool await_proof(struct proof *proof);

/* Sends what was written, and wipes and releases it. False: `why`. */
bool proof_send(struct proof *proof, struct writer *writer);

/* The server does not keep to the protocol. False: `why` has the detail. */
bool proof_broken(struct proof *proof, const char *how);

#endif
