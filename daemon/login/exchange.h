/*
 * The messages between asking who somebody is and believing it: a request of the pooler's, and the
 * client's one answer to it. What is asked and when it is believed is in authenticate.c and sasl.c.
 * Source: PostgreSQL manual, "Message Formats": Authentication..., PasswordMessage,
 * SASLInitialResponse, SASLResponse.
 */
#ifndef MILLPOND_LOGIN_EXCHANGE_H
#define MILLPOND_LOGIN_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/failure.h"
#include "protocol/message.h"
#include "protocol/scram.h"

struct offload;
struct session;

/* The longest password, as in PgBouncer; a zero ends it. */
#define PASSWORD_MOST ((size_t)65530)

struct exchange {
	struct session *session;
	const char *stored;	/* the user's secret, or an invented one */
	bool doomed;		/* ... and then nothing that the client says helps */
	struct failure *why;
	int64_t deadline;
	char *response;		/* the client's last one, and a zero behind it; owned */
	size_t response_length;
};

/* False: it could not be sent, and exchange->why says so. */
bool exchange_send(struct exchange *exchange, enum authentication request, const void *data,
		   size_t length);

/*
 * Waits for the client's answer, which becomes exchange->response. False: something else came, or
 * nothing, and exchange->why says so; an answer that is too long fails as `too_long`.
 */
bool await_response(struct exchange *exchange, enum failure_kind too_long);

/*
 * Asks for the password itself (AUTHENTICATION_PLAIN) or its hash, which becomes exchange->response: a text
 * that is not empty, and nothing behind it.
 */
bool await_password_message(struct exchange *exchange, enum authentication request,
			    const void *data, size_t length);

/*
 * Has run(arg) called in a helper thread of that lane, and waits for it; somebody who hangs up does not keep his place
 * in the line. True: it has been, and `arg`, on the heap, is the caller's again. False: exchange->why says
 * why not, and release(arg) has been called, or will be as soon as nobody uses it any more.
 */
bool await_helper(struct exchange *exchange, struct offload *offload, uint32_t lane,
		  void (*run)(void *arg), void (*release)(void *arg), void *arg);

/* The client has proved the key of its secret, which opens servers with the same secret. */
void exchange_note_proven(const struct exchange *exchange, const struct scram_secret *secret,
			  const unsigned char client_key[SCRAM_KEY_BYTES]);

/* Wipes the response. */
void exchange_release(struct exchange *exchange);

#endif
