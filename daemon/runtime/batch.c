#include "daemon/runtime/batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/runtime/stream.h"

#define POSTED_AT_ONCE ((size_t)4096)
#define INLET_BYTES ((size_t)64 * 1024)
#define OUTLET_BYTES ((size_t)64 * 1024)

bool batch_init(struct batch *batch)
{
	batch->reads_ahead = true;
	batch->inlet = malloc(INLET_BYTES);
	batch->outlet = malloc(OUTLET_BYTES);
	return batch->inlet != NULL && batch->outlet != NULL;
}

void batch_release(struct batch *batch)
{
	free(batch->inlet);
	free(batch->outlet);
}

/* --- reading ahead ------------------------------------------------------------------------ */

/* The socket tells of a failure once: it is kept for the reader. */
static bool read_ahead(struct stream *stream, char *buffer, size_t size)
{
	ssize_t got = stream_recv_now(stream, buffer, size);

	if (got < 0 && errno != EAGAIN)
		stream->ahead.failure = errno;
	if (got <= 0)
		return false;
	stream->ahead.bytes = buffer;
	stream->ahead.length = (unsigned)got;
	stream->is_ahead = true;
	return true;
}

void batch_fetch(struct stream *stream)
{
	struct batch *batch = &stream->loop->batch;

	if (!batch->reads_ahead || batch->fetched_count == BATCH_STREAMS ||
	    INLET_BYTES - batch->inlet_length < FETCHED_AT_ONCE ||
	    !read_ahead(stream, batch->inlet + batch->inlet_length, FETCHED_AT_ONCE))
		return;
	batch->inlet_length += stream->ahead.length;
	stream->ahead.place = (unsigned short)batch->fetched_count;
	batch->fetched[batch->fetched_count++] = stream;
}

static void drop_from_inlet(struct stream *stream)
{
	stream->loop->batch.fetched[stream->ahead.place] = NULL;
	stream->is_ahead = false;
}

void batch_drop_ahead(struct stream *stream)
{
	if (stream->ahead.own == NULL) {
		drop_from_inlet(stream);
		return;
	}
	free(stream->ahead.own);
	stream->ahead.own = NULL;
	stream->is_ahead = false;
}

size_t batch_take(struct stream *stream, char *buffer, size_t size)
{
	struct ahead *ahead = &stream->ahead;
	size_t length = ahead->length < size ? ahead->length : size;

	memcpy(buffer, ahead->bytes, length);
	ahead->bytes += length;
	ahead->length -= (unsigned)length;
	if (ahead->length == 0)
		batch_drop_ahead(stream);
	return length;
}

bool batch_take_in_place(struct stream *stream, size_t most, char **data, ssize_t *length)
{
	const struct ahead *ahead = &stream->ahead;

	if (!stream->is_ahead || ahead->own != NULL || ahead->length > most || stream->kept != NULL ||
	    stream->tls != NULL)
		return false;
	*data = ahead->bytes;
	*length = ahead->length;
	drop_from_inlet(stream);
	return true;
}

/* Without the memory the bytes are lost, and with them the sense of all that follows. */
void batch_keep_ahead(struct stream *stream)
{
	struct ahead *ahead = &stream->ahead;
	char *own = malloc(ahead->length);

	if (own == NULL) {
		batch_drop_ahead(stream);
		shutdown(stream->fd, SHUT_RDWR);
		return;
	}
	memcpy(own, ahead->bytes, ahead->length);
	stream->loop->batch.fetched[ahead->place] = NULL;
	ahead->own = ahead->bytes = own;
}

static void hand_over(struct batch *batch)
{
	for (unsigned i = 0; i < batch->fetched_count; i++)
		if (batch->fetched[i] != NULL)
			batch_keep_ahead(batch->fetched[i]);
	batch->fetched_count = 0;
	batch->inlet_length = 0;
}

/* --- posting ------------------------------------------------------------------------------ */

bool batch_post(struct stream *stream, const void *data, size_t length)
{
	struct batch *batch = &stream->loop->batch;
	struct posted *next = &batch->posted[batch->posted_count];

	if (stream->unsent != NULL || length > POSTED_AT_ONCE ||
	    length > OUTLET_BYTES - batch->outlet_length || batch->posted_count == BATCH_STREAMS)
		return false;
	if (batch->posted_count > batch->posted_sent && next[-1].stream == stream) {
		next[-1].length += length;
	} else {
		*next = (struct posted){stream, length};
		batch->posted_count++;
		stream->posted_count++;
	}
	memcpy(batch->outlet + batch->outlet_length, data, length);
	batch->outlet_length += length;
	return true;
}

/* Wakes whoever is to send the rest, or to learn why it cannot be sent. */
static void send_piece(struct stream *stream, const char *data, size_t length)
{
	stream->posted_count--;
	if (stream_send_piece(stream, data, length))
		return;
	if (stream->waiter != NULL)
		coroutine_wake(stream->waiter);
	else if (stream->is_eager)
		stream->spoke(stream);
}

/* Whoever hears of a failure may free the stream; its other pieces first go out by this same function. */
void batch_send(struct loop *loop)
{
	struct batch *batch = &loop->batch;

	while (batch->posted_sent < batch->posted_count) {
		struct posted *posted = &batch->posted[batch->posted_sent++];
		const char *data = batch->outlet + batch->outlet_sent;
		batch->outlet_sent += posted->length;
		send_piece(posted->stream, data, posted->length);
	}
	batch->posted_count = batch->posted_sent = 0;
	batch->outlet_length = batch->outlet_sent = 0;
}

void batch_end(struct loop *loop)
{
	hand_over(&loop->batch);
	batch_send(loop);
}
