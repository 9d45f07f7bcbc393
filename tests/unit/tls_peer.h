/*
 * The client's end of a TLS connection: blocking, in the test's hands down to what travels in one
 * packet. And a certificate for the other end.
 */
#ifndef MILLPOND_TESTS_UNIT_TLS_PEER_H
#define MILLPOND_TESTS_UNIT_TLS_PEER_H

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* A context with a fresh key and a certificate that it has signed itself. */
static SSL_CTX *make_server_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();

	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
				   (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
	X509_sign(certificate, key, EVP_sha256());
	if (SSL_CTX_use_certificate(context, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey(context, key) != 1)
		abort();
	X509_free(certificate);
	EVP_PKEY_free(key);
	return context;
}

struct tls_peer {
	SSL *ssl;
	BIO *in;
	BIO *out;
	int fd;
};

static void peer_init(struct tls_peer *peer, SSL_CTX *context, int fd)
{
	*peer = (struct tls_peer){SSL_new(context), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()), fd};
	SSL_set_bio(peer->ssl, peer->in, peer->out);
	SSL_set_connect_state(peer->ssl);
}

static void peer_release(struct tls_peer *peer)
{
	SSL_free(peer->ssl);
}

/* Sends what OpenSSL has written so far, in one piece. */
static void peer_flush(struct tls_peer *peer)
{
	char *data;
	long length = BIO_get_mem_data(peer->out, &data);

	for (long sent = 0; sent < length;) {
		ssize_t n = write(peer->fd, data + sent, (size_t)(length - sent));
		if (n <= 0)
			break;
		sent += n;
	}
	(void)BIO_reset(peer->out);
}

/* Takes what comes next; false at the end. */
static bool peer_fill(struct tls_peer *peer)
{
	char buffer[65536];
	ssize_t n = read(peer->fd, buffer, sizeof buffer);

	return n > 0 && BIO_write(peer->in, buffer, (int)n) == n;
}

/* Its last message stays in `out`, so that more can travel with it. */
static bool peer_shake_hands(struct tls_peer *peer)
{
	for (;;) {
		int result = SSL_do_handshake(peer->ssl);
		if (result == 1)
			return true;
		if (SSL_get_error(peer->ssl, result) != SSL_ERROR_WANT_READ)
			return false;
		peer_flush(peer);
		if (!peer_fill(peer))
			return false;
	}
}

static void peer_put(struct tls_peer *peer, const char *data, size_t length)
{
	if (SSL_write(peer->ssl, data, (int)length) != (int)length)
		abort();
}

/* As read(), and blocks as well. */
__attribute__((unused)) static int peer_get(struct tls_peer *peer, char *data, size_t size)
{
	for (;;) {
		int n = SSL_read(peer->ssl, data, (int)size);
		if (n > 0 || SSL_get_error(peer->ssl, n) != SSL_ERROR_WANT_READ)
			return n;
		if (!peer_fill(peer))
			return -1;
	}
}

#endif
