/*
 * SCRAM with a client: which mechanisms are offered, and the four messages.
 * Source: PostgreSQL manual, "SASL Authentication".
 */
#ifndef MILLPOND_LOGIN_SASL_H
#define MILLPOND_LOGIN_SASL_H

#include <stdbool.h>

#include "daemon/login/exchange.h"

/*
 * Has the client prove that it knows the password of exchange->stored, a plain one or a SCRAM secret.
 * SCRAM-SHA-256-PLUS is offered as well where the client has come through TLS.
 * True: it does, and has been told so; its key is on the ring. False: exchange->why says so.
 */
bool await_sasl(struct exchange *exchange);

#endif
