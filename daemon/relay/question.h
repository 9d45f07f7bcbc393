/*
 * What the pooler itself asks of a server that is lent to a client, between two transactions of that client.
 */
#ifndef MILLPOND_RELAY_QUESTION_H
#define MILLPOND_RELAY_QUESTION_H

#include <stdbool.h>

struct failure;
struct session;
struct writer;

/*
 * Adds the DataRow messages of the answer to `rows`, whole; none if the server has refused, as when the client's
 * cancel request or statement_timeout has met the question. What else the server says meanwhile, notifications
 * among it, is for the client. False: the conversation has failed.
 */
bool await_question(struct session *session, const char *sql, struct writer *rows,
		    struct failure *why);

#endif
