/*
 * A turn of the loop has three phases. What has come is read from the sockets that spoke; then the
 * coroutines run that wait for it; at last what they have posted goes out. So each phase finds its
 * code, and the kernel's, in the processor's caches, from which reading, running and sending for one
 * session after the other would drive them out each time; and a peer to whom several messages go is
 * woken once.
 *
 * Reading ahead: up to FETCHED_AT_ONCE bytes of a stream whose reader is about to come wait in the
 * inlet. Who does not take them in the same turn has them in a buffer of the stream's own.
 * Posting: small pieces wait in the outlet, in the order in which they came. Whoever sends something
 * at once sends all of them first, so that nothing small waits for something large.
 */
#ifndef MILLPOND_RUNTIME_BATCH_H
#define MILLPOND_RUNTIME_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct loop;
struct stream;

/* Most requests, and most replies, are shorter; what is longer is better read by whoever wants it. */
#define FETCHED_AT_ONCE ((size_t)4096)

/* Of so many streams at most; others read and send for themselves. */
#define BATCH_STREAMS 128

struct posted {
	struct stream *stream;
	size_t length;
};

struct batch {
	bool reads_ahead; /* as long as the owner of the loop wants it */
	char *inlet;
	size_t inlet_length;
	struct stream *fetched[BATCH_STREAMS]; /* NULL: has taken its bytes */
	unsigned fetched_count;
	char *outlet;
	size_t outlet_length;
	size_t outlet_sent;
	struct posted posted[BATCH_STREAMS];
	unsigned posted_count;
	unsigned posted_sent;
};

/* False when there is no memory. */
bool batch_init(struct batch *batch);
void batch_release(struct batch *batch);

/* Reads ahead from a stream that has spoken and has nothing of that kind left. */
void batch_fetch(struct stream *stream);

/* Moves what was read ahead into a buffer of the stream's own, for the end of the turn or a change of
 * loops. */
void batch_keep_ahead(struct stream *stream);

/* Takes of what was read ahead what has room; it answers how much that is. */
size_t batch_take(struct stream *stream, char *buffer, size_t size);

/* Takes all of it where it is, until the next await; false where it has to be put together with something
 * else, or there is none, or more than `most`. */
bool batch_take_in_place(struct stream *stream, size_t most, char **data, ssize_t *length);

/* Forgets it. */
void batch_drop_ahead(struct stream *stream);

/* False: there is no room for it, and the caller sends it itself. */
bool batch_post(struct stream *stream, const void *data, size_t length);

/* Sends all that was posted. What cannot be sent stays in its stream, unsent. */
void batch_send(struct loop *loop);

/* Ends the turn: what nobody has taken goes to its streams, and what was posted goes out. */
void batch_end(struct loop *loop);

#endif
