#include "daemon/runtime/certificate.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <strings.h>

#include "daemon/runtime/stream.h"
#include "daemon/runtime/tls.h"

bool certificate_is_good(const struct ssl_st *ssl)
{
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
	if (!certificate_is_good(tls_ssl(stream)))
		return false;
	X509 *certificate = SSL_get_peer_certificate(tls_ssl(stream));
	bool found = copy_name(X509_get_subject_name(certificate), name, size);
	X509_free(certificate);
	return found;
}

/* --- the host it is for ------------------------------------------------------------------- */

enum match { OTHER, SAME, BROKEN };

static bool is_same(const char *text, size_t length, const char *name)
{
	return strlen(name) == length && strncasecmp(text, name, length) == 0;
}

/* "*." at the beginning stands for the first part of a name, and nothing else does. */
static bool stands_for(const char *text, size_t length, const char *host)
{
	const char *rest = strchr(host, '.');

	return length > 2 && memcmp(text, "*.", 2) == 0 && rest != NULL && rest > host &&
	       is_same(text + 1, length - 1, rest);
}

/* A zero would hide what stands behind it from whoever has looked at the name. */
static enum match match_name(const ASN1_STRING *name, const char *host)
{
	const char *text = (const char *)ASN1_STRING_get0_data(name);
	size_t length = (size_t)ASN1_STRING_length(name);

	if (length == 0)
		return OTHER;
	if (memchr(text, '\0', length) != NULL)
		return BROKEN;
	return is_same(text, length, host) || stands_for(text, length, host) ? SAME : OTHER;
}

/* How many bytes the address has; 0: it is a name. */
static size_t parse_address(const char *host, struct in6_addr *bytes)
{
	if (inet_aton(host, (struct in_addr *)(void *)bytes) != 0)
		return sizeof(struct in_addr);
	return inet_pton(AF_INET6, host, bytes) == 1 ? sizeof *bytes : 0;
}

static enum match match_address(const ASN1_STRING *address, const char *host)
{
	struct in6_addr bytes;
	size_t length = (size_t)ASN1_STRING_length(address);

	if (length != sizeof(struct in_addr) && length != sizeof bytes)
		return BROKEN;
	return parse_address(host, &bytes) == length &&
			       memcmp(ASN1_STRING_get0_data(address), &bytes, length) == 0 ?
		       SAME :
		       OTHER;
}

/* The first that decides; `has_kind`: one is of the host's kind, which leaves the common name out. */
static enum match match_alternatives(const GENERAL_NAMES *names, const char *host, bool *has_kind)
{
	struct in6_addr bytes;
	int kind = parse_address(host, &bytes) > 0 ? GEN_IPADD : GEN_DNS;
	enum match match = OTHER;

	*has_kind = false;
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && match == OTHER; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		*has_kind = *has_kind || name->type == kind;
		if (name->type == GEN_DNS)
			match = match_name(name->d.dNSName, host);
		else if (name->type == GEN_IPADD)
			match = match_address(name->d.iPAddress, host);
	}
	return match;
}

static enum match match_common_name(X509_NAME *subject, const char *host)
{
	int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (first < 0)
		return OTHER;
	return match_name(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)), host);
}

bool certificate_is_for_host(const struct ssl_st *ssl, const char *host)
{
	X509 *certificate = ssl == NULL ? NULL : SSL_get0_peer_certificate(ssl);
	bool has_kind;

	if (certificate == NULL)
		return false;
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	enum match match = match_alternatives(names, host, &has_kind);
	GENERAL_NAMES_free(names);
	if (match == OTHER && !has_kind)
		match = match_common_name(X509_get_subject_name(certificate), host);
	return match == SAME;
}

/* --- what a login is bound to ------------------------------------------------------------- */

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
