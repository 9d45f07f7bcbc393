#include "daemon/runtime/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/runtime/batch.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/fold.h"
#include "daemon/runtime/loop.h"
#include "daemon/runtime/stream.h"
#include "daemon/runtime/tls_memory.h"

/*
 * No record is longer (RFC 5246, section 6.2.3), and OpenSSL holds back no more than one. So when
 * what was received stands this far behind the place for its plain text, that never catches up:
 *
 *	| kept | plain text ->     | room of a record | encrypted, shrinking ->      |
 *	       ^ buffer		                      ^ buffer + RECORD_BYTES
 */
#define RECORD_BYTES ((size_t)(5 + (1 << 14) + 2048))

/* Records may be a few bytes each: of so many it takes some milliseconds to open them all. */
#define RECEIVED_AT_ONCE ((size_t)128 * 1024)

struct tls {
	SSL *ssl; /* not to be touched while it is folded */
	struct folded *folded;
	const char *received; /* not yet taken by OpenSSL; empty between two calls */
	size_t received_length;
	unsigned long error; /* OpenSSL's code; 0: none */
	bool ended;	     /* the peer has said that it sends no more */
	bool borrowed;	     /* the SSL is somebody else's */
	bool established;
	size_t barren; /* bytes that OpenSSL has taken since there was any plain text */
	const char *version, *cipher, *group; /* what was agreed on: OpenSSL's own words */
};

/* --- OpenSSL's view of the socket --------------------------------------------------------- */

static int bio_read(BIO *bio, char *buffer, int size)
{
	struct tls *tls = ((struct stream *)BIO_get_data(bio))->tls;
	size_t length = tls->received_length < (size_t)size ? tls->received_length : (size_t)size;

	BIO_clear_retry_flags(bio);
	if (length == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	/* More than any record without a byte of text, such as requests for new keys: it only keeps us busy. */
	tls->barren += length;
	if (tls->established && tls->barren > 2 * RECORD_BYTES) {
		ERR_raise(ERR_LIB_SSL, SSL_R_TOO_MANY_KEY_UPDATES);
		return -1;
	}
	memcpy(buffer, tls->received, length);
	tls->received += length;
	tls->received_length -= length;
	return (int)length;
}

/*
 * Brackets for each use of OpenSSL. The buffer is shared by all connections of the loop, so what one
 * of them has written goes out, or nowhere, before the next one's turn.
 */
static void begin(struct stream *stream)
{
	ERR_clear_error();
	stream->loop->sealed_length = 0;
}

static bool send_sealed(struct stream *stream)
{
	struct loop *loop = stream->loop;
	size_t length = loop->sealed_length;

	loop->sealed_length = 0;
	return length == 0 || stream_send_raw(stream, loop->sealed, length);
}

/* Always takes all: what the socket does not is kept by the stream. */
static int bio_write(BIO *bio, const char *data, int length)
{
	struct stream *stream = BIO_get_data(bio);
	struct loop *loop = stream->loop;
	size_t taken = (size_t)length;

	BIO_clear_retry_flags(bio);
	if (loop->sealed_length + taken > SEALED_BYTES && !send_sealed(stream))
		return -1;
	if (taken > SEALED_BYTES)
		return stream_send_raw(stream, data, taken) ? length : -1;
	memcpy(loop->sealed + loop->sealed_length, data, taken);
	loop->sealed_length += taken;
	return length;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static BIO_METHOD *method;

static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
	if (method == NULL)
		return;
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_ctrl(method, bio_control);
}

static BIO *bio_new(struct stream *stream)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_method);
	BIO *bio = method == NULL ? NULL : BIO_new(method);
	if (bio == NULL)
		return NULL;
	BIO_set_data(bio, stream);
	BIO_set_init(bio, 1);
	return bio;
}

/* --- folding ------------------------------------------------------------------------------ */

void tls_fold(struct stream *stream)
{
	struct tls *tls = stream->tls;
	size_t bytes = tls == NULL || tls->borrowed || tls->folded != NULL ?
			       0 :
			       tls_memory_slot_bytes(tls->ssl);

	if (bytes == 0 || bytes > FOLD_MOST_BYTES)
		return;
	tls->folded = fold(tls->ssl, bytes);
	if (tls->folded != NULL)
		tls_memory_forget(tls->ssl);
}

/* In front of whatever is done with the SSL. */
static void wake(struct tls *tls)
{
	if (tls->folded == NULL)
		return;
	unfold(tls->folded, tls->ssl);
	tls->folded = NULL;
}

/* --- beginning and end -------------------------------------------------------------------- */

/* Puts the SSL under the stream; NULL without memory. */
static struct tls *attach(struct stream *stream, SSL *ssl)
{
	struct tls *tls = calloc(1, sizeof *tls);
	BIO *bio = tls == NULL ? NULL : bio_new(stream);

	if (bio == NULL) {
		free(tls);
		return NULL;
	}
	SSL_set_bio(ssl, bio, bio);
	SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	tls->ssl = ssl;
	stream->tls = tls;
	return tls;
}

/* Takes down what was agreed on, since asking an SSL that is folded would unfold it. */
static void establish(struct tls *tls)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(tls->ssl);
	bool has_group = SSL_get_negotiated_group(tls->ssl) != NID_undef;

	tls->established = true;
	tls->barren = 0;
	tls->version = SSL_get_version(tls->ssl);
	tls->cipher = SSL_CIPHER_get_name(cipher);
	/* Of a client PgBouncer names the curve only where the cipher's name implies one. */
	if (SSL_is_server(tls->ssl) && SSL_CIPHER_get_kx_nid(cipher) != NID_kx_ecdhe)
		has_group = false;
	tls->group = has_group ? OBJ_nid2sn((int)SSL_get_negotiated_group(tls->ssl)) : NULL;
}

static bool adopt(struct stream *stream, SSL *ssl)
{
	struct tls *tls = attach(stream, ssl);

	if (tls == NULL) {
		errno = ENOMEM;
		return false;
	}
	tls->borrowed = true;
	return true;
}

bool tls_adopt(struct stream *stream, struct ssl_st *ssl)
{
	if (!adopt(stream, ssl))
		return false;
	establish(stream->tls);
	return true;
}

void tls_say_end(struct stream *stream)
{
	struct tls *tls = stream->tls;

	/* After a failure there is no connection any more that could be ended. */
	if (tls == NULL || !tls->established || tls->error != 0)
		return;
	wake(tls);
	begin(stream);
	SSL_shutdown(tls->ssl);
	send_sealed(stream);
}

void tls_release(struct stream *stream)
{
	struct tls *tls = stream->tls;

	wake(tls);
	if (tls->borrowed)
		SSL_set_fd(tls->ssl, stream->fd);
	else
		SSL_free(tls->ssl);
	ERR_clear_error();
	stream->tls = NULL;
	free(tls);
}

/* --- reading ------------------------------------------------------------------------------ */

/* Takes down what OpenSSL says about its failure. 0: the peer has ended; -1: errno. */
static ssize_t note_failure(struct tls *tls, int result)
{
	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		tls->ended = true;
		return 0;
	default:
		tls->error = ERR_peek_last_error();
		if (tls->error == 0)
			tls->error = ERR_PACK(ERR_LIB_SSL, 0, ERR_R_INTERNAL_ERROR);
		ERR_clear_error();
		errno = EPROTO;
		return -1;
	}
}

/* Decrypts all that has been received. As recv(). */
static ssize_t unseal(struct stream *stream, char *buffer, size_t size)
{
	struct tls *tls = stream->tls;
	size_t length = 0;
	int got;

	begin(stream);
	do {
		size_t room = size - length;
		got = SSL_read(tls->ssl, buffer + length, room > INT_MAX ? INT_MAX : (int)room);
		if (got > 0) {
			length += (size_t)got;
			tls->barren = 0;
		}
	} while (got > 0 && length < size && (tls->received_length > 0 || SSL_pending(tls->ssl) > 0));
	ssize_t failed = got > 0 ? 0 : note_failure(tls, got);
	int why = errno;
	send_sealed(stream); /* an alert; that it cannot be sent shows itself soon enough */
	/* No edge will tell of an end or a failure. */
	if (tls->ended || tls->error != 0)
		stream->peer_closed = stream->readable = true;
	errno = why;
	return length > 0 ? (ssize_t)length : failed;
}

/* Takes what the socket has, behind the room for its plain text. As recv(). */
static ssize_t receive(struct stream *stream, char *buffer, size_t size, size_t most)
{
	size_t room = size - RECORD_BYTES;

	if (room > most)
		room = most;
	if (room > RECEIVED_AT_ONCE)
		room = RECEIVED_AT_ONCE;
	ssize_t got = stream_recv_raw(stream, buffer + RECORD_BYTES, room);

	if (got > 0) {
		stream->tls->received = buffer + RECORD_BYTES;
		stream->tls->received_length = (size_t)got;
	}
	return got;
}

ssize_t tls_read(struct stream *stream, char *buffer, size_t size, size_t most)
{
	struct tls *tls = stream->tls;

	if (tls->error != 0 || tls->ended) {
		errno = EPROTO;
		return tls->ended ? 0 : -1;
	}
	if (size < 2 * RECORD_BYTES) {
		errno = EMSGSIZE;
		return -1;
	}
	wake(tls);
	for (;;) {
		ssize_t got = 1;
		if (SSL_pending(tls->ssl) == 0)
			got = receive(stream, buffer, size, most);
		if (got <= 0)
			return got;
		ssize_t length = unseal(stream, buffer, size);
		if (length >= 0 || errno != EAGAIN)
			return length;
	}
}

/* --- the handshake ------------------------------------------------------------------------ */

/* What came behind the handshake in the same packet is the beginning of the conversation. */
static bool keep_plain_text(struct stream *stream)
{
	struct tls *tls = stream->tls;
	char *scratch = stream->loop->scratch;

	if (tls->received_length == 0)
		return true;
	ssize_t length = unseal(stream, scratch, SCRATCH_BYTES);
	/* An end or a failure shows itself at the first read. */
	return length <= 0 || stream_put_back(stream, scratch, (size_t)length);
}

static bool await_received(struct stream *stream, int64_t deadline)
{
	for (;;) {
		/* In front of what is read, since the buffer is everybody's. */
		if (SSL_is_server(stream->tls->ssl) && !await_turnstile(stream->loop, deadline))
			return false;
		ssize_t got = receive(stream, stream->loop->scratch, SCRATCH_BYTES, SCRATCH_BYTES);
		if (got > 0)
			return true;
		if (got == 0)
			errno = ECONNRESET;
		if (got == 0 || errno != EAGAIN || !await_readable(stream, deadline))
			return false;
	}
}

/* What ends the handshake, mostly a ticket, goes out with what follows, or without it when the turn ends. */
static bool post_sealed(struct stream *stream)
{
	stream->posts = true;
	bool posted = send_sealed(stream);
	stream->posts = false;
	return posted;
}

static bool await_handshake(struct stream *stream, int64_t deadline)
{
	struct tls *tls = stream->tls;

	for (unsigned rounds = 0;; rounds++) {
		batch_send(stream->loop); /* nobody's bytes wait while keys are computed */
		begin(stream);
		int64_t begun_at = loop_now();
		int result = SSL_do_handshake(tls->ssl);
		turnstile_count(stream->loop, begun_at);
		ssize_t failed = result == 1 ? 1 : note_failure(tls, result);
		int why = errno;
		if (result == 1)
			return post_sealed(stream);
		if (!send_sealed(stream))
			return false;
		errno = failed == 0 ? ECONNRESET : why;
		if (errno != EAGAIN)
			return false;
		/* Those who are slow, or many at once, hold no buffers meanwhile. */
		SSL_free_buffers(tls->ssl);
		/* Messages that OpenSSL skips may come without end. */
		if (rounds > 0 && stream->readable && !await_others_until(stream->loop, deadline))
			return false;
		if (!await_received(stream, deadline))
			return false;
	}
}

bool await_tls_accept(struct stream *stream, struct ssl_ctx_st *context, const char *data,
		      size_t length, int64_t deadline)
{
	SSL *ssl = SSL_new(context);
	struct tls *tls = ssl == NULL ? NULL : attach(stream, ssl);

	if (tls == NULL) {
		SSL_free(ssl);
		errno = ENOMEM;
		return false;
	}
	SSL_set_accept_state(ssl);
	if (length > 0 && !await_turnstile_with(stream->loop, data, length, deadline))
		return false;
	tls->received = stream->loop->scratch;
	tls->received_length = length;
	if (!await_handshake(stream, deadline))
		return false;
	establish(tls);
	return keep_plain_text(stream);
}

bool await_tls_connect(struct stream *stream, struct ssl_st *ssl, int64_t deadline)
{
	if (!adopt(stream, ssl))
		return false;
	SSL_set_connect_state(ssl);
	if (!await_handshake(stream, deadline))
		return false;
	establish(stream->tls);
	return keep_plain_text(stream);
}

/* --- sending ------------------------------------------------------------------------------ */

bool tls_send(struct stream *stream, const void *data, size_t length)
{
	struct tls *tls = stream->tls;
	const char *bytes = data;
	size_t sent = 0;

	errno = EPROTO;
	if (tls->error != 0)
		return false;
	wake(tls);
	begin(stream);
	while (sent < length) {
		size_t left = length - sent;
		int taken = SSL_write(tls->ssl, bytes + sent, left > INT_MAX ? INT_MAX : (int)left);
		if (taken <= 0) /* errno is that of the socket */
			return false;
		sent += (size_t)taken;
	}
	return send_sealed(stream);
}

/* --- asking ------------------------------------------------------------------------------- */

struct ssl_st *tls_ssl(const struct stream *stream)
{
	if (stream->tls == NULL)
		return NULL;
	wake(stream->tls);
	return stream->tls->ssl;
}

void tls_error(const struct stream *stream, char *text, size_t size)
{
	const char *reason = stream->tls == NULL ? NULL : ERR_reason_error_string(stream->tls->error);
	snprintf(text, size, "%s", reason == NULL ? "unknown error" : reason);
}

void tls_describe(const struct stream *stream, char *text, size_t size)
{
	const struct tls *tls = stream->tls;

	text[0] = '\0';
	if (tls != NULL && tls->established)
		snprintf(text, size, "%s/%s%s%s", tls->version, tls->cipher,
			 tls->group != NULL ? "/ECDH=" : "", tls->group != NULL ? tls->group : "");
}
