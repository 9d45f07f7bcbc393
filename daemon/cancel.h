/*
 * Cancel requests. A client gets a random key at its login; a cancel request names the key, and
 * hits what that client is doing: the query that runs for it, or its place in the queue.
 * Source: PostgreSQL manual, "Canceling Requests in Progress".
 */
#ifndef MILLPOND_DAEMON_CANCEL_H
#define MILLPOND_DAEMON_CANCEL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/hash_table.h"
#include "protocol/startup.h"

struct session;
struct upstream;
struct worker;

/* That of a session, and a part of it. */
struct cancel_key {
	struct hash_link link; /* by the bytes */
	unsigned char bytes[CANCEL_KEY_BYTES];
};

/* The keys of all workers' sessions. */
struct cancel_keys {
	pthread_mutex_t lock;
	struct hash_table table;
};

struct cancel;

void cancel_keys_init(struct cancel_keys *keys);
void cancel_keys_release(struct cancel_keys *keys);

/* Gives the session a new key. False when there is no randomness or no memory. */
bool cancel_key_assign(struct cancel_keys *keys, struct session *session);
void cancel_key_remove(struct cancel_keys *keys, struct session *session);

/* The session, which has a key, goes to another worker, where it is to be found from now on. */
void cancel_key_move(struct cancel_keys *keys, struct session *session, struct worker *to);

/*
 * Does what a cancel request asks for and waits until that is done, as the one who sent it, `asker`,
 * expects; an unknown key asks for nothing. False: nobody has taken it within cancel_wait_timeout.
 */
bool await_cancel_request(const struct session *asker, const unsigned char key[CANCEL_KEY_BYTES]);

/* A request under way, as SHOW has it. */
struct cancel_view {
	const struct session *asker; /* who waits for it, in whatever worker; NULL: nobody */
	const struct upstream *upstream; /* NULL: gone */
	int64_t begun_at;
	bool is_sent; /* or else it waits until one can be sent */
};

/* Along those of a worker, in its thread: the first behind NULL; NULL: there are no more. */
const struct cancel *cancel_look(const struct worker *worker, const struct cancel *behind,
				 struct cancel_view *view);

/* Cancels what the server is doing, without waiting: until that is done it is lent to nobody. The request goes
 * its way even if the upstream does not live as long, and then a second time. */
void cancel_start(struct upstream *upstream);

/* Its worker, which is ending, waits for none of them any longer. */
void cancels_give_up(struct worker *worker);

/* The upstream goes away: the requests under way forget it. */
void cancels_forget(struct cancel *first);

#endif
