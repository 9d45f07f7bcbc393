/*
 * A nonblocking socket whose reader may wait: what has arrived and was not taken yet, what could
 * not be sent yet, and one persistent edge-triggered read event. Knows nothing of PostgreSQL.
 *
 * Reading goes into the loop's scratch buffer, or for small pieces the batch's. What stands there is
 * valid until the next await or the next stream_read() of any stream; an incomplete rest is put back
 * with stream_keep(). So a stream at rest holds no buffer.
 *
 * Functions speak bytes: -1 (or false) and errno.
 */
#ifndef MILLPOND_RUNTIME_STREAM_H
#define MILLPOND_RUNTIME_STREAM_H

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct loop;
struct coroutine;
struct chunk;
struct tls;

/* What has come before anybody asked for it (see runtime/batch). */
struct ahead {
	char *own; /* an allocation; NULL: it is in the turn's inlet */
	char *bytes;
	unsigned length;
	unsigned short place; /* among those of the turn */
	int failure;	      /* errno of the read, which the socket does not tell twice */
};

struct stream {
	struct loop *loop;
	int fd;		    /* -1: closed */
	/* Each of these alone is news: one word, since that is asked at every step. */
	bool readable : 1; /* nobody has seen the socket empty since it last spoke */
	bool put_back : 1; /* what is kept has not been looked at */
	bool is_ahead : 1; /* something has been read that nobody has asked for yet */
	bool watched;	   /* `event` is in the loop */
	bool peer_closed;   /* the end was announced: readable until recv says so itself */
	bool blocked;	    /* the last send fell short */
	bool holds;	    /* what is sent just now is not to go out yet */
	bool posts;	    /* what is sent just now may go out at the end of the turn */
	bool is_eager;	    /* while nobody waits: whoever hears that it has spoken will read */
	bool waiter_reads;  /* the waiter will */
	bool is_bulky;	    /* the last read brought more than is worth reading ahead */
	bool was_short;	    /* ... or less than it had room for, from which it is guessed that the socket is empty */
	unsigned short posted_count;
	struct ahead ahead;
	struct chunk *kept; /* read, but put back */
	struct chunk *unsent;
	int unsent_failure; /* errno: why it cannot be sent, which the socket does not tell twice */
	struct tls *tls; /* NULL: in the clear (see runtime/tls) */
	struct coroutine *waiter; /* NULL: nobody waits */
	/* Called when nobody waits and it turns readable; if it is eager, when its post could not be sent, too. */
	void (*spoke)(struct stream *stream);
	struct event event;
	struct event *write_event; /* made when a send falls short */
};

/*
 * Takes over a connected socket, which the caller has made nonblocking. `spoke` may start a
 * coroutine that reads; it must not read itself unless it reads all.
 */
void stream_init(struct stream *stream, struct loop *loop, int fd,
		 void (*spoke)(struct stream *stream));

/* A `spoke` that does nothing, for a stream whose one coroutine looks at it when it will. */
void stream_ignore(struct stream *stream);

/* Adds the read event, so that `spoke` or a waiter hear of new bytes. False with errno. */
bool stream_watch(struct stream *stream);

/* A conversation is over, with nothing unsent, though something may be posted: frees what only sending
 * needs. */
void stream_rest(struct stream *stream);

/* Takes the event out again: nobody hears of new bytes until somebody watches or waits. */
void stream_unwatch(struct stream *stream);

/* Takes the stream out of its loop, in that loop's thread; from then on it is used in the other loop's
 * thread. Nobody may be waiting for it. */
void stream_move(struct stream *stream, struct loop *loop);

/* Frees everything and leaves the socket open, to whom it belongs. */
void stream_release(struct stream *stream);

/* stream_release() and close(). */
void stream_close(struct stream *stream);

/* As stream_read(), but takes no more than about `most` bytes from the socket. */
ssize_t stream_read_some(struct stream *stream, char **data, size_t most);

/*
 * Points `data` to what was kept, followed by what one recv() brings, and answers how many bytes
 * that is. 0: the peer has ended (what was kept is dropped). -1: errno, EAGAIN when nothing new
 * has come (what was kept stays kept).
 */
ssize_t stream_read(struct stream *stream, char **data);

/* Points `data` to what was kept alone, without reading; answers its length. */
size_t stream_reread(struct stream *stream, char **data);

/* Keeps an incomplete message, to stand in front of what the next read brings. False: no memory. */
bool stream_keep(struct stream *stream, const char *data, size_t length);

/* Keeps bytes that nobody has looked at: the next read gives them even if nothing new has come. */
bool stream_put_back(struct stream *stream, const char *data, size_t length);

/*
 * Says that what was read is not all that is due. A connection that was reset together with its last
 * bytes looks to libevent like one that has only spoken, so the socket is asked once more.
 */
static inline void stream_expect_more(struct stream *stream)
{
	stream->readable = true;
}

/* Whether the peer has closed or reset the connection, though there may be bytes before that. */
bool stream_peer_is_gone(const struct stream *stream);

/* Whether it has reset the connection: unlike a close, that is no way to end what it has said. */
bool stream_is_reset(const struct stream *stream);

/* Whether something has been read that nobody has asked for yet (see runtime/batch). */
static inline bool stream_is_ahead(const struct stream *stream)
{
	return stream->is_ahead;
}

/* Whether a read may bring something (an end or an error count). */
static inline bool stream_has_news(const struct stream *stream)
{
	return stream->readable || stream->put_back || stream->is_ahead;
}

/* Whether something can be done without waiting: a read, if it is wanted, or sending the rest. */
static inline bool stream_can_move(const struct stream *stream, bool read)
{
	return (read && stream_has_news(stream)) || (stream->unsent != NULL && !stream->blocked);
}

/* Tells the peer that nothing more will come, and closes that half of the connection. */
void stream_end_sending(struct stream *stream);

/* Sends what can be sent now, behind all that is unsent, and keeps the rest. */
bool stream_send(struct stream *stream, const void *data, size_t length);

/* Keeps what is to travel in front of what is sent next. False: no memory. */
bool stream_hold(struct stream *stream, const void *data, size_t length);

/* As stream_send(), but small pieces go out when the turn of the loop ends. What cannot be sent then
 * stays unsent. */
bool stream_post(struct stream *stream, const void *data, size_t length);

/* Sends what is posted now; a part of it may stay unsent. */
void stream_send_posted(struct stream *stream);

/* Forgets what could not be sent, for a peer that no longer wants it. */
void stream_drop_unsent(struct stream *stream);

static inline bool stream_has_unsent(const struct stream *stream)
{
	return stream->unsent != NULL;
}

/* Sends what can be sent now of what is unsent. */
bool stream_flush_unsent(struct stream *stream);
static inline bool stream_flush(struct stream *stream)
{
	return !stream_has_unsent(stream) || stream_flush_unsent(stream);
}

/* For runtime/tls: the bytes as they travel. As stream_send(), and as recv(). */
bool stream_send_raw(struct stream *stream, const void *data, size_t length);
ssize_t stream_recv_raw(struct stream *stream, char *buffer, size_t size);

/* For runtime/batch: asks the socket, which has just spoken. */
ssize_t stream_recv_now(struct stream *stream, char *buffer, size_t size);

/* For runtime/batch: sends what was posted. False: a part of it is unsent, perhaps because sending has failed,
 * which whoever tries next is told. */
bool stream_send_piece(struct stream *stream, const char *data, size_t length);

/* How many bytes the stream holds in buffers of its own. */
size_t stream_held_bytes(const struct stream *stream);

/* Waits until the stream may be read (its end and its errors count as bytes), and meanwhile sends what is
 * unsent. More is expected: after a short read the socket is asked once more, see stream_expect_more(). */
bool await_readable(struct stream *stream, int64_t deadline);

/* Reads, and drops what comes, until the peer has closed its side, or the time is over. */
void await_end_of_stream(struct stream *stream, int64_t deadline);

/* Waits until everything is sent. */
bool await_sent(struct stream *stream, int64_t deadline);

/*
 * Waits until one of two streams has moved: has something to read, if `read_...` asks for it, or
 * can send more, if it has something unsent. Also ends when something has come that nobody asks for, which may be a
 * reset.
 */
bool await_either(struct stream *a, bool read_a, struct stream *b, bool read_b, int64_t deadline);

/* The same for whoever has just seen that neither can move. */
bool await_news_of_either(struct stream *a, bool read_a, struct stream *b, bool read_b,
			  int64_t deadline);

#endif
