/*
 * A turn of the loop has three phases. What has come is read from the sockets that spoke; then the
 * coroutines that wait for it run; at last what they have posted goes out. So each phase finds its
 * code, and the kernel's, in the processor's caches, which it would lose if one session after the
 * other read, ran and sent; and a peer that gets several messages is woken once.
 *
 * Reading ahead: up to FETCHED_AT_ONCE bytes of a stream whose reader is about to come wait in the
 * inlet. What is not taken in the same turn moves into a buffer of the stream's own.
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

/* For at most so many streams; any others read and send for themselves. */
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

/* Takes as much of what was read ahead as there is room for; answers how much that is. */
size_t batch_take(struct stream *stream, char *buffer, size_t size);

/* Takes all of it where it is, where it stays until the next await. False: there is none, or more than
 * `most`, or it has to be put together with something else. */
bool batch_take_in_place(struct stream *stream, size_t most, char **data, ssize_t *length);

/* Forgets what was read ahead. */
void batch_drop_ahead(struct stream *stream);

/* Posts a piece. False: there is no room for it, it is not small, or something is unsent in front of it, and the caller
 * has to send it. */
bool batch_post(struct stream *stream, const void *data, size_t length);

/* Sends all that was posted. What cannot be sent stays in its stream, unsent. */
void batch_send(struct loop *loop);

/* Ends the turn: what nobody has taken goes to its streams, and what was posted goes out. */
void batch_end(struct loop *loop);

#endif
