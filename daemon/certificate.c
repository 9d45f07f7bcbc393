#include "daemon/certificate.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

#include "daemon/runtime/stream.h"
#include "daemon/runtime/tls.h"

bool certificate_is_good(const struct stream *stream)
{
	SSL *ssl = tls_ssl(stream);
	X509 *certificate = ssl == NULL ? NULL : SSL_get_peer_certificate(ssl);

	/* Without a certificate the result is good as well. */
	bool good = certificate != NULL && SSL_get_verify_result(ssl) == X509_V_OK;
	X509_free(certificate);
	return good;
}

static bool copy_name(X509_NAME *subject, char *name, size_t size)
{
	int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *text;

	if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0)
		return false;
	int length = ASN1_STRING_to_UTF8(
		&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)));
	if (length < 0)
		return false;
	bool fits = (size_t)length < size && memchr(text, '\0', (size_t)length) == NULL;
	if (fits) {
		memcpy(name, text, (size_t)length);
		name[length] = '\0';
	}
	OPENSSL_free(text);
	return fits && length > 0;
}

bool certificate_name(const struct stream *stream, char *name, size_t size)
{
	if (!certificate_is_good(stream))
		return false;
	X509 *certificate = SSL_get_peer_certificate(tls_ssl(stream));
	bool found = copy_name(X509_get_subject_name(certificate), name, size);
	X509_free(certificate);
	return found;
}

static bool hash_end_point(X509 *certificate, unsigned char hash[64], size_t *length)
{
	unsigned hash_length = 0;
	int digest;

	if (certificate == NULL ||
	    !X509_get_signature_info(certificate, &digest, NULL, NULL, NULL))
		return false;
	/* The two that are broken are replaced (RFC 5929, section 4.1). */
	if (digest == NID_md5 || digest == NID_sha1)
		digest = NID_sha256;
	const EVP_MD *method = EVP_get_digestbynid(digest);
	if (method == NULL || EVP_MD_size(method) > 64 ||
	    !X509_digest(certificate, method, hash, &hash_length))
		return false;
	*length = hash_length;
	return true;
}

bool certificate_end_point(const struct stream *stream, unsigned char hash[64], size_t *length)
{
	SSL *ssl = tls_ssl(stream);

	return ssl != NULL && hash_end_point(SSL_get_certificate(ssl), hash, length);
}

bool certificate_peer_end_point(const struct stream *stream, unsigned char hash[64], size_t *length)
{
	SSL *ssl = tls_ssl(stream);

	return ssl != NULL && hash_end_point(SSL_get0_peer_certificate(ssl), hash, length);
}
