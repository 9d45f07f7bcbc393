/*
 * Certificates of a connection: what the one says that the peer has shown in its TLS handshake, and what binds
 * a login to either side's.
 */
#ifndef MILLPOND_RUNTIME_CERTIFICATE_H
#define MILLPOND_RUNTIME_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>

struct ssl_st;
struct stream;

/* Whether the peer has shown one, and somebody has vouched for it whom the connection's context trusts. */
bool certificate_is_good(const struct ssl_st *ssl);

/*
 * The common name in a good certificate, as UTF-8. False: there is none, it has a zero in it or does
 * not fit, so it names nobody. Nor does a name of which there are two.
 */
bool certificate_name(const struct stream *stream, char *name, size_t size);

/*
 * Whether the peer's certificate was issued for that host, a name or an address, as libpq reads it: the host
 * stands among the alternative names or, if none of these is of its kind, as the common name, and a "*." stands
 * for the first part of a name. A name with a zero in it is nobody's.
 */
bool certificate_is_for_host(const struct ssl_st *ssl, const char *host);

/*
 * What binds a login to this very connection: a hash of the server's certificate (RFC 5929,
 * tls-server-end-point), which is the one that we have shown. `hash` has room for 64 bytes. False: without TLS,
 * or for a kind of certificate that the RFC leaves open.
 */
bool certificate_end_point(const struct stream *stream, unsigned char hash[64], size_t *length);

/* The same where the peer is the server, of the one that it has shown. */
bool certificate_peer_end_point(const struct stream *stream, unsigned char hash[64], size_t *length);

#endif
