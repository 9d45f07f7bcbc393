/* A file of authorities is read once for as long as it stays as it is. */
#include "daemon/server/authorities.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static void write_authority(const char *path, const char *mode, long serial)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *authority = X509_new();
	FILE *file = fopen(path, mode);

	ASN1_INTEGER_set(X509_get_serialNumber(authority), serial);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(authority), "CN", MBSTRING_ASC,
				   (const unsigned char *)"us", -1, -1, 0);
	X509_set_issuer_name(authority, X509_get_subject_name(authority));
	X509_gmtime_adj(X509_getm_notBefore(authority), 0);
	X509_gmtime_adj(X509_getm_notAfter(authority), 3600);
	X509_set_pubkey(authority, key);
	X509_sign(authority, key, EVP_sha256());
	PEM_write_X509(file, authority);
	fclose(file);
	X509_free(authority);
	EVP_PKEY_free(key);
}

static int count(X509_STORE *store)
{
	return store ? sk_X509_OBJECT_num(X509_STORE_get0_objects(store)) : -1;
}

int main(void)
{
	const char *path = scratch_path("path"), *other = scratch_path("other");

	write_authority(path, "w", 1);
	write_authority(other, "w", 2);
	X509_STORE *first = authorities_read(path), *again = authorities_read(path);
	is_int(count(first), 1, "what is in a file");
	ok(first == again, "which is read once");
	write_authority(path, "a", 3);
	X509_STORE *grown = authorities_read(path);
	is_int(count(grown), 2, "if it has not changed");
	is_int(count(first), 1, "who has the earlier one keeps it");
	rename(other, path);
	X509_STORE *replaced = authorities_read(path);
	is_int(count(replaced), 1, "one in its place");
	close(open(other, O_CREAT | O_EXCL | O_WRONLY, 0600));
	ok(!authorities_read(other) && ERR_peek_error(),
	   "an empty file has none, and OpenSSL says so");
	unlink(path);
	ERR_clear_error();
	ok(!authorities_read(path) && ERR_peek_error(), "nor has one that is gone");
	X509_STORE_free(first);
	X509_STORE_free(again);
	X509_STORE_free(grown);
	X509_STORE_free(replaced);
	return done();
}
