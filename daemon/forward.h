/*
 * Cancel requests that have come to the wrong pooler of a group, behind one address that all of them
 * share: the key says whose client is meant, and the request is passed on to that peer, as PgBouncer's
 * do it, so that both can be in one group. The key's second and third byte are the peer_id of the one
 * who made it; the two lowest bits of its last byte say how often it may still be passed on, so that
 * it cannot go round for ever.
 *
 * All of it happens in the main thread; other workers send errands. At most pool_size requests are on
 * their way to a peer at once, others wait.
 */
#ifndef MILLPOND_DAEMON_FORWARD_H
#define MILLPOND_DAEMON_FORWARD_H

#include <stdatomic.h>
#include <stdbool.h>

#include "protocol/startup.h"

struct worker;

struct forwards {
	struct peer_line *first; /* one for each peer that was ever sent something */
	atomic_size_t count;
};

void forwards_release(struct forwards *forwards);

/* Marks a new key as one of this pooler; no effect without a peer_id (0). */
void forward_sign(unsigned char key[CANCEL_KEY_BYTES], int peer_id);

/* Whose client a key is for, by what stands in it. */
int forward_peer_of(const unsigned char key[CANCEL_KEY_BYTES]);

/* The key as its client got it, however often it has been passed on. */
void forward_restore(unsigned char key[CANCEL_KEY_BYTES]);

/*
 * Passes a request on and waits until the peer has done with it. Nothing is done, beyond a line in the
 * log, if there is no such peer, it does not answer, or the key has been passed on too often. False:
 * its turn has not come within cancel_wait_timeout.
 */
bool await_forwarded(struct worker *worker, const unsigned char key[CANCEL_KEY_BYTES]);

/* How many requests to a peer are under way, as SHOW has it. */
struct forward_view {
	int peer_id;
	unsigned sent; /* and not yet done with */
	unsigned connecting;
	unsigned waiting; /* until one of those has been dealt with */
};

/* In the main thread: calls `each` for all peers that were ever sent something. */
void forwards_each(const struct forwards *forwards,
		   void (*each)(void *context, const struct forward_view *view), void *context);

#endif
