#pragma once
/*
 * The client's half of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding. The keys of a salt are
 * derived once for all clients, so that logins cost the pooler far more than the generator.
 */
#include <stddef.h>

enum { SCRAM_ANSWER_BYTES = 512 };

/* The password of all logins; NULL, as at first: none will be asked for. */
void scram_set_password(const char *password);
const char *scram_password(void);

/*
 * Answers one authentication request, whole, from its letter on: writes the message to be sent into
 * `answer` and returns its length. 0: it is not one of SCRAM's.
 */
size_t scram_answer(const char *message, size_t size, char answer[SCRAM_ANSWER_BYTES]);
