/*
 * TLS under a stream: what is read is decrypted before anyone sees it, and what is sent is encrypted
 * after everyone has. All else about the stream stays as it is; what waits unsent is encrypted.
 *
 * OpenSSL never touches the socket. It reads from what one recv() has brought and writes into a
 * buffer that is sent in one piece, so that a read or a send costs one system call whatever the
 * number of records. Between two calls nothing encrypted is left over but what OpenSSL itself holds
 * of an incomplete record; a session at rest holds neither of OpenSSL's buffers.
 */
#ifndef MILLPOND_RUNTIME_TLS_H
#define MILLPOND_RUNTIME_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stream;
struct ssl_ctx_st; /* OpenSSL's SSL_CTX, SSL */
struct ssl_st;

/*
 * Plays the server in a handshake. `data` is what was read of it already, if anything; it stands in
 * the loop's scratch buffer. What the client has sent behind its handshake is put back, decrypted. False:
 * errno is ETIMEDOUT, ECANCELED, ENOMEM or ECONNRESET (the peer has left), or EPROTO, of which
 * tls_error() tells more; the stream is only good for being closed.
 */
bool await_tls_accept(struct stream *stream, struct ssl_ctx_st *context, const char *data,
		      size_t length, int64_t deadline);

/*
 * Takes over a connection whose handshake somebody else has done, who keeps owning it: it is handed
 * back, with a plain connection to the socket, when the stream is released. False: no memory.
 */
bool tls_adopt(struct stream *stream, struct ssl_st *ssl);

/*
 * Plays the client. The SSL stays its owner's, as with tls_adopt(), also after a failure, which is as
 * that of await_tls_accept().
 */
bool await_tls_connect(struct stream *stream, struct ssl_st *ssl, int64_t deadline);

/*
 * Makes a connection at rest small: OpenSSL's largest block is folded until it is needed again, at
 * the next call of anything here. No effect on connections that are somebody else's.
 */
void tls_fold(struct stream *stream);

/* Tells the peer that nothing more will come (RFC 8446, section 6.1). */
void tls_say_end(struct stream *stream);

/* Why the last call failed with EPROTO, in OpenSSL's words. */
void tls_error(const struct stream *stream, char *text, size_t size);

/* "TLSv1.2/ECDHE-RSA-AES256-GCM-SHA384/ECDH=X25519", or "TLSv1.3/TLS_AES_256_GCM_SHA384" of a client, as
 * PgBouncer shows it; "" without TLS. */
void tls_describe(const struct stream *stream, char *text, size_t size);

/* The connection itself, for what only its users want to know; NULL without TLS. */
struct ssl_st *tls_ssl(const struct stream *stream);

/* For runtime/stream: what takes the place of recv() and send(), with their results. */
ssize_t tls_read(struct stream *stream, char *buffer, size_t size, size_t most);
bool tls_send(struct stream *stream, const void *data, size_t length);
void tls_release(struct stream *stream);

#endif
