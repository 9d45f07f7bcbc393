#include "daemon/runtime/stream.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/runtime/batch.h"
#include "daemon/runtime/chunk.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/runtime/tls.h"

/* Half a message may be half a password. */
static void kept_free(struct stream *stream)
{
	if (stream->kept != NULL)
		explicit_bzero(stream->kept->bytes, stream->kept->end);
	chunk_free(&stream->kept);
}

/* --- events ------------------------------------------------------------------------------- */

static bool may_read_ahead(const struct stream *stream)
{
	return (stream->waiter != NULL ? stream->waiter_reads : stream->is_eager) &&
	       !stream->is_bulky && !stream->is_ahead && stream->ahead.failure == 0 &&
	       stream->tls == NULL && !stream->peer_closed;
}

static void stream_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	struct stream *stream = arg;

	if (what & (EV_READ | EV_CLOSED))
		stream->readable = true;
	/* An end that is queued behind unread bytes gives no new edge when those are taken. */
	if (what & EV_CLOSED)
		stream->peer_closed = true;
	if (what & EV_WRITE)
		stream->blocked = false;

	if ((what & (EV_READ | EV_CLOSED)) == EV_READ && may_read_ahead(stream))
		batch_fetch(stream);
	if (stream->waiter != NULL)
		coroutine_wake(stream->waiter);
	else if (what & (EV_READ | EV_CLOSED))
		stream->spoke(stream); /* may free the stream */
}

void stream_init(struct stream *stream, struct loop *loop, int fd,
		 void (*spoke)(struct stream *stream))
{
	*stream = (struct stream){.loop = loop, .fd = fd, .spoke = spoke, .readable = true};
}

void stream_ignore(struct stream *stream)
{
	(void)stream;
}

bool stream_watch(struct stream *stream)
{
	if (stream->watched)
		return true;
	event_assign(&stream->event, stream->loop->base, stream->fd,
		     EV_READ | EV_CLOSED | EV_ET | EV_PERSIST, stream_event, stream);
	stream->watched = event_add(&stream->event, NULL) == 0;
	return stream->watched;
}

void stream_rest(struct stream *stream)
{
	if (stream->write_event == NULL)
		return;
	event_free(stream->write_event);
	stream->write_event = NULL;
}

void stream_unwatch(struct stream *stream)
{
	stream_send_posted(stream);
	if (stream->is_ahead && stream->ahead.own == NULL)
		batch_keep_ahead(stream);
	stream_rest(stream);
	if (stream->watched)
		event_del(&stream->event);
	stream->watched = false;
	stream->readable = true;
}

void stream_move(struct stream *stream, struct loop *loop)
{
	assert(stream->waiter == NULL && stream->posted_count == 0);
	stream_unwatch(stream);
	stream->loop = loop;
}

void stream_release(struct stream *stream)
{
	if (stream->fd < 0)
		return;
	if (stream->is_ahead)
		batch_drop_ahead(stream);
	stream_unwatch(stream);
	kept_free(stream);
	chunk_free(&stream->unsent);
	if (stream->tls != NULL)
		tls_release(stream);
	stream->fd = -1;
}

void stream_close(struct stream *stream)
{
	int fd = stream->fd;
	stream_release(stream);
	if (fd >= 0)
		close(fd);
}

/* --- reading ------------------------------------------------------------------------------ */

ssize_t stream_recv_raw(struct stream *stream, char *buffer, size_t size)
{
	if (stream->is_ahead)
		return (ssize_t)batch_take(stream, buffer, size);
	if (stream->ahead.failure != 0) {
		errno = stream->ahead.failure;
		return -1;
	}
	if (!stream->readable) {
		errno = EAGAIN;
		return -1;
	}
	return stream_recv_now(stream, buffer, size);
}

ssize_t stream_recv_now(struct stream *stream, char *buffer, size_t size)
{
	ssize_t got;
	do
		got = recv(stream->fd, buffer, size, 0);
	while (got < 0 && errno == EINTR);

	/* Only what is known to be empty can be waited for; an end or an error stays readable. */
	bool emptied = got < 0 ? errno == EAGAIN : got > 0 && (size_t)got < size;
	if (emptied && !stream->peer_closed)
		stream->readable = false;
	stream->was_short = emptied && got > 0;
	stream->is_bulky = got >= (ssize_t)FETCHED_AT_ONCE;
	return got;
}

ssize_t stream_read(struct stream *stream, char **data)
{
	return stream_read_some(stream, data, SCRATCH_BYTES);
}

/* Behind what was kept. Not inlined, as what is taken in place needs none of its registers. */
__attribute__((noinline)) static ssize_t read_into_scratch(struct stream *stream, char **data,
							   size_t most)
{
	struct chunk *kept = stream->kept;
	size_t held = kept == NULL ? 0 : kept->end - kept->start;
	char *scratch = stream->loop->scratch;
	ssize_t got;

	if (stream->put_back)
		return (ssize_t)stream_reread(stream, data);
	if (held >= SCRATCH_BYTES) {
		errno = EMSGSIZE;
		return -1;
	}
	size_t room = SCRATCH_BYTES - held;
	got = stream->tls != NULL ?
		      tls_read(stream, scratch + held, room, most) :
		      stream_recv_raw(stream, scratch + held, room < most ? room : most);
	if (got < 0)
		return -1;
	if (held > 0) {
		if (got > 0)
			memcpy(scratch, kept->bytes + kept->start, held);
		kept_free(stream);
	}
	*data = scratch;
	return got == 0 ? 0 : (ssize_t)held + got;
}

ssize_t stream_read_some(struct stream *stream, char **data, size_t most)
{
	ssize_t got;

	return batch_take_in_place(stream, most, data, &got) ?
		       got :
		       read_into_scratch(stream, data, most);
}

size_t stream_reread(struct stream *stream, char **data)
{
	struct chunk *kept = stream->kept;
	if (kept == NULL)
		return 0;
	size_t held = kept->end - kept->start;
	stream->put_back = false;
	assert(held <= SCRATCH_BYTES);
	memcpy(stream->loop->scratch, kept->bytes + kept->start, held);
	kept_free(stream);
	*data = stream->loop->scratch;
	return held;
}

bool stream_keep(struct stream *stream, const char *data, size_t length)
{
	return length == 0 || chunk_append(&stream->kept, data, length);
}

bool stream_put_back(struct stream *stream, const char *data, size_t length)
{
	if (length == 0)
		return true;
	stream->put_back = chunk_append(&stream->kept, data, length);
	return stream->put_back;
}

/* What the socket tells without being read. */
static int look_at(const struct stream *stream)
{
	struct pollfd look = {.fd = stream->fd, .events = POLLRDHUP};

	return poll(&look, 1, 0) == 1 ? look.revents : 0;
}

bool stream_peer_is_gone(const struct stream *stream)
{
	return stream->peer_closed ||
	       (stream->readable && (look_at(stream) & (POLLERR | POLLHUP | POLLRDHUP)) != 0);
}

bool stream_is_reset(const struct stream *stream)
{
	return stream->ahead.failure != 0 || (look_at(stream) & POLLERR) != 0;
}

/* --- sending ------------------------------------------------------------------------------ */

/* Answers how much went out: less than `length` only when the socket is full. -1: errno. */
static ssize_t send_now(struct stream *stream, const char *data, size_t length)
{
	size_t sent = 0;
	while (sent < length && !stream->blocked) {
		ssize_t n = send(stream->fd, data + sent, length - sent, MSG_NOSIGNAL);
		stream->was_short &= n < 0; /* a reset would have shown itself */
		if (n >= 0)
			sent += (size_t)n;
		else if (errno == EAGAIN)
			stream->blocked = true;
		else if (errno != EINTR)
			return -1;
		/* A short count means that the socket is full; asking again would only say so. */
		if (n >= 0 && sent < length)
			stream->blocked = true;
	}
	return (ssize_t)sent;
}

/*
 * The write event stays until the stream rests, since a socket that was full once will be again.
 * It is edge-triggered, as events of one descriptor must agree, and reports at once if the socket
 * has drained meanwhile.
 */
static bool start_writing(struct stream *stream)
{
	if (stream->write_event != NULL)
		return true;
	stream->write_event = event_new(stream->loop->base, stream->fd,
					EV_WRITE | EV_ET | EV_PERSIST, stream_event, stream);
	return stream->write_event != NULL && event_add(stream->write_event, NULL) == 0;
}

bool stream_flush_unsent(struct stream *stream)
{
	struct chunk *unsent = stream->unsent;
	if (stream->unsent_failure != 0) {
		errno = stream->unsent_failure;
		return false;
	}
	ssize_t sent = send_now(stream, unsent->bytes + unsent->start, unsent->end - unsent->start);
	if (sent < 0)
		return false;
	unsent->start += (size_t)sent;
	if (unsent->start < unsent->end)
		return start_writing(stream);
	chunk_free(&stream->unsent);
	return true;
}

void stream_drop_unsent(struct stream *stream)
{
	chunk_free(&stream->unsent);
	stream->unsent_failure = 0;
}

void stream_send_posted(struct stream *stream)
{
	if (stream->posted_count > 0)
		batch_send(stream->loop);
}

void stream_end_sending(struct stream *stream)
{
	stream_send_posted(stream);
	tls_say_end(stream);
	shutdown(stream->fd, SHUT_WR);
}

bool stream_send(struct stream *stream, const void *data, size_t length)
{
	return stream->tls != NULL ? tls_send(stream, data, length) :
				     stream_send_raw(stream, data, length);
}

bool stream_post(struct stream *stream, const void *data, size_t length)
{
	if (stream->tls == NULL && batch_post(stream, data, length))
		return true;
	stream->posts = true;
	bool posted = stream_send(stream, data, length);
	stream->posts = false;
	return posted;
}

bool stream_hold(struct stream *stream, const void *data, size_t length)
{
	stream->holds = true;
	bool held = stream_send(stream, data, length);
	stream->holds = false;
	return held;
}

/* Sends behind what is unsent, and keeps what cannot be sent. */
static bool send_behind(struct stream *stream, const char *data, size_t length)
{
	ssize_t sent = 0;

	if (stream->unsent != NULL && !stream->blocked)
		return chunk_append(&stream->unsent, data, length) && stream_flush(stream);
	if (stream->unsent == NULL)
		sent = send_now(stream, data, length);
	if (sent < 0)
		return false;
	if ((size_t)sent == length)
		return true;
	return chunk_append(&stream->unsent, data + sent, length - (size_t)sent) &&
	       start_writing(stream);
}

bool stream_send_raw(struct stream *stream, const void *data, size_t length)
{
	if (stream->posts && batch_post(stream, data, length))
		return true;
	/* Nothing small waits for something large. */
	if (stream->loop->batch.posted_count > 0 && (stream->posted_count > 0 || !stream->holds))
		batch_send(stream->loop);
	stream->loop->time = 0;
	return stream->holds ? chunk_append(&stream->unsent, data, length) :
			       send_behind(stream, data, length);
}

bool stream_send_piece(struct stream *stream, const char *data, size_t length)
{
	ssize_t sent = stream->unsent == NULL ? send_now(stream, data, length) : 0;

	if (sent < 0) {
		stream->unsent_failure = errno;
		sent = 0;
	}
	if ((size_t)sent == length)
		return true;
	if (!chunk_append(&stream->unsent, data + sent, length - (size_t)sent) ||
	    (stream->blocked && !start_writing(stream)))
		shutdown(stream->fd, SHUT_RDWR); /* nothing behind it would make sense */
	return false;
}

size_t stream_held_bytes(const struct stream *stream)
{
	size_t kept = stream->kept == NULL ? 0 : stream->kept->capacity;
	size_t unsent = stream->unsent == NULL ? 0 : stream->unsent->capacity;
	return kept + unsent + (stream->ahead.own != NULL ? stream->ahead.length : 0);
}

/* --- waiting ------------------------------------------------------------------------------ */

static bool stream_wait(struct stream *stream, int64_t deadline)
{
	if (!stream_watch(stream))
		return false;
	stream->waiter = coroutine_current(stream->loop);
	bool woken = await_wake(stream->loop, deadline);
	stream->waiter = NULL;
	return woken;
}

/* The peer may answer only when it has all that is unsent. If sending fails a read will tell why, unless it
 * was we who ended it; it is not tried again. */
static void flush_or_look(struct stream *stream)
{
	if (stream->blocked || stream_flush(stream))
		return;
	stream_drop_unsent(stream);
	stream->readable = true;
}

bool await_readable(struct stream *stream, int64_t deadline)
{
	if (stream->was_short && !stream_has_news(stream))
		stream_expect_more(stream);
	while (!stream_has_news(stream)) {
		flush_or_look(stream);
		if (!stream_has_news(stream) && !stream_wait(stream, deadline))
			return false;
	}
	return true;
}

void await_end_of_stream(struct stream *stream, int64_t deadline)
{
	char *data;

	for (;;) {
		ssize_t length = stream_read(stream, &data);
		if (length == 0 || (length < 0 && errno != EAGAIN) || loop_now() >= deadline)
			return;
		if (length > 0)
			await_turn(stream->loop);
		else if (!await_readable(stream, deadline))
			return;
	}
}

bool await_sent(struct stream *stream, int64_t deadline)
{
	stream_send_posted(stream);
	while (stream_flush(stream)) {
		if (stream->unsent == NULL)
			return true;
		if (stream->blocked && !stream_wait(stream, deadline))
			return false;
	}
	return false;
}

bool await_news_of_either(struct stream *a, bool read_a, struct stream *b, bool read_b,
			  int64_t deadline)
{
	if (!stream_watch(a) || !stream_watch(b))
		return false;
	a->waiter = b->waiter = coroutine_current(a->loop);
	a->waiter_reads = read_a;
	b->waiter_reads = read_b;
	bool woken = await_wake(a->loop, deadline);
	a->waiter = b->waiter = NULL;
	a->waiter_reads = b->waiter_reads = false;
	return woken;
}

bool await_either(struct stream *a, bool read_a, struct stream *b, bool read_b, int64_t deadline)
{
	return stream_can_move(a, read_a) || stream_can_move(b, read_b) ||
	       await_news_of_either(a, read_a, b, read_b, deadline);
}
