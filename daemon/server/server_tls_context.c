#include "daemon/server/server_tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/array.h"
#include "conf/field.h"
#include "daemon/server/authorities.h"
#include "daemon/tls_context.h"

enum tls_mode server_tls_mode(const struct conninfo *conninfo)
{
	const char *name = conninfo_value(conninfo, "sslmode");

	for (int i = TLS_DISABLE; name != NULL && i <= TLS_VERIFY_FULL; i++)
		if (strcmp(choice_name(choices_tls_mode, i), name) == 0)
			return (enum tls_mode)i;
	return TLS_PREFER;
}

bool server_tls_begins(const struct conninfo *conninfo)
{
	const char *negotiation = conninfo_value(conninfo, "sslnegotiation");

	return negotiation != NULL && strcmp(negotiation, "direct") == 0;
}

/* --- files -------------------------------------------------------------------------------- */

/* Of a file in the home, as long as libpq takes it. */
#define HOME_PATH_BYTES 1024

static const char root_at_home[] = "~/.postgresql/root.crt";

static const char *path_at_home(const char *name, char path[HOME_PATH_BYTES])
{
	const char *home = getenv("HOME");

	if (home == NULL || snprintf(path, HOME_PATH_BYTES, "%s/.postgresql/%s", home, name) >=
				    HOME_PATH_BYTES)
		return NULL;
	return path;
}

/* In a home that may not be looked into, as root's by a daemon that is root's no more, there is nothing. */
static const char *find_at_home(const char *name, char path[HOME_PATH_BYTES])
{
	return path_at_home(name, path) != NULL && access(path, F_OK) == 0 ? path : NULL;
}

/* Whether somebody may have put it there, though it cannot be had: a link to nowhere, a closed folder. */
static bool may_be_at_home(const char *name)
{
	char path[HOME_PATH_BYTES];
	struct stat status;

	if (path_at_home(name, path) == NULL)
		return false;
	return lstat(path, &status) == 0 ||
	       (errno != ENOENT && errno != ENOTDIR && access(getenv("HOME"), X_OK) == 0);
}

/*
 * The file of a keyword or else, in `at_home`, the one of that name which libpq takes unasked. One that is
 * not there is as good as none, as it is for libpq.
 */
static const char *find_file(const struct conninfo *conninfo, const char *keyword, const char *name,
			     char at_home[HOME_PATH_BYTES])
{
	const char *path = conninfo_value(conninfo, keyword);

	if (path == NULL)
		return find_at_home(name, at_home);
	return access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR) ? NULL : path;
}

static const char *find_authorities(const struct conninfo *conninfo, char at_home[HOME_PATH_BYTES])
{
	return find_file(conninfo, "sslrootcert", "root.crt", at_home);
}

const char *server_tls_system_authorities(void)
{
	const char *named = secure_getenv(X509_get_default_cert_file_env());

	return named != NULL ? named : X509_get_default_cert_file();
}

void server_tls_add_authorities(struct conninfo *conninfo)
{
	if (server_tls_mode(conninfo) >= TLS_VERIFY_CA &&
	    conninfo_value(conninfo, "sslrootcert") == NULL && !may_be_at_home("root.crt"))
		conninfo_add(conninfo, "sslrootcert", server_tls_system_authorities());
}

const char *server_tls_missing_authorities(const struct conninfo *conninfo)
{
	char at_home[HOME_PATH_BYTES];
	const char *named = conninfo_value(conninfo, "sslrootcert");

	if (server_tls_mode(conninfo) < TLS_VERIFY_CA ||
	    find_authorities(conninfo, at_home) != NULL)
		return NULL;
	return named != NULL ? named : root_at_home;
}

/* A folder of lists is enough. */
static const char *find_revoked(const struct conninfo *conninfo, char at_home[HOME_PATH_BYTES])
{
	if (conninfo_value(conninfo, "sslcrl") == NULL && conninfo_value(conninfo, "sslcrldir") != NULL)
		return NULL;
	return find_file(conninfo, "sslcrl", "root.crl", at_home);
}

/* As libpq has it: root may let a group read a key, and others may let in nobody. */
static bool is_private(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
		return false;
	mode_t others = status.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
	return (status.st_mode & others) == 0;
}

/* --- what is presented and what is verified ----------------------------------------------- */

static int version_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} versions[] = {{"TLSv1", TLS1_VERSION},
			{"TLSv1.1", TLS1_1_VERSION},
			{"TLSv1.2", TLS1_2_VERSION},
			{"TLSv1.3", TLS1_3_VERSION}};

	for (size_t i = 0; name != NULL && i < ARRAY_SIZE(versions); i++)
		if (strcmp(versions[i].name, name) == 0)
			return versions[i].number;
	return 0;
}

/* OpenSSL knows why, or else what was to be done. */
static bool cannot(struct failure *why, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	ERR_clear_error();
	return failure_set(why, FAILURE_CONNECT_FAILED, reason != NULL ? reason : what);
}

static bool load_revoked(X509_STORE *store, const char *file, const char *folder)
{
	X509_LOOKUP *files = X509_STORE_add_lookup(store, X509_LOOKUP_file());
	X509_LOOKUP *folders = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir());

	X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return files != NULL && folders != NULL &&
	       (file == NULL || X509_load_crl_file(files, file, X509_FILETYPE_PEM) > 0) &&
	       (folder == NULL || X509_LOOKUP_add_dir(folders, folder, X509_FILETYPE_PEM) == 1);
}

static bool cannot_verify(const struct conninfo *conninfo, struct failure *why)
{
	const char *file = conninfo_value(conninfo, "sslrootcert");
	char text[200];

	snprintf(text, sizeof text, "root certificate file \"%.100s\" does not exist: server_tls_ca_file, or sslrootcert",
		 file != NULL ? file : root_at_home);
	return cannot(why, text);
}

static bool share_trust(SSL_CTX *context, const char *file)
{
	X509_STORE *authorities = authorities_read(file);

	if (authorities != NULL)
		SSL_CTX_set_cert_store(context, authorities);
	return authorities != NULL;
}

static bool load_trust(SSL_CTX *context, const struct conninfo *conninfo)
{
	char authorities_at_home[HOME_PATH_BYTES], revoked_at_home[HOME_PATH_BYTES];
	const char *file = find_authorities(conninfo, authorities_at_home);
	const char *revoked = find_revoked(conninfo, revoked_at_home);
	const char *revoked_folder = conninfo_value(conninfo, "sslcrldir");

	if (file == NULL)
		return false;
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (revoked == NULL && revoked_folder == NULL)
		return share_trust(context, file);
	return SSL_CTX_load_verify_locations(context, file, NULL) == 1 &&
	       load_revoked(SSL_CTX_get_cert_store(context), revoked, revoked_folder);
}

/* A key that is named may be as open as for PgBouncer, one that is found at home may not, as for libpq. */
static bool load_key(SSL_CTX *context, const struct conninfo *conninfo, struct failure *why)
{
	char at_home[HOME_PATH_BYTES];
	const char *key = find_file(conninfo, "sslkey", "postgresql.key", at_home);

	if (key == NULL)
		return failure_set(why, FAILURE_CONNECT_FAILED, "certificate present, but not private key file");
	if (key == at_home && !is_private(key))
		return failure_set(why, FAILURE_CONNECT_FAILED, "private key file has group or world access");
	tls_context_asks_nobody(context);
	return SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 ||
	       SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_ASN1) == 1 ||
	       cannot(why, "cannot read the private key: sslkey");
}

static bool load_certificate(SSL_CTX *context, const struct conninfo *conninfo, struct failure *why)
{
	char at_home[HOME_PATH_BYTES];
	const char *certificate = find_file(conninfo, "sslcert", "postgresql.crt", at_home);
	const char *mode = conninfo_value(conninfo, "sslcertmode");

	if (certificate == NULL || (mode != NULL && strcmp(mode, "disable") == 0))
		return true;
	return SSL_CTX_use_certificate_chain_file(context, certificate) == 1 ?
		       load_key(context, conninfo, why) :
		       cannot(why, "cannot read the certificate: sslcert");
}

/* As libpq does, a root certificate makes "require" verify as well. */
static bool verifies(enum tls_mode mode, const struct conninfo *conninfo)
{
	char at_home[HOME_PATH_BYTES];

	return mode >= TLS_VERIFY_CA ||
	       (mode == TLS_REQUIRE && find_authorities(conninfo, at_home) != NULL);
}

static bool choose_ciphers(SSL_CTX *context, const char *ciphers, const char *suites)
{
	return (ciphers == NULL || tls_context_choose_ciphers(context, ciphers)) &&
	       (suites == NULL || SSL_CTX_set_ciphersuites(context, suites) == 1);
}

/* OpenSSL answers 0 for success here. */
static bool name_protocol(SSL_CTX *context)
{
	static const unsigned char ours[] = ALPN_POSTGRESQL;

	return SSL_CTX_set_alpn_protos(context, ours, sizeof ours - 1) == 0;
}

static bool fill(SSL_CTX *context, const struct conninfo *conninfo, enum tls_mode mode,
		 struct failure *why)
{
	SSL_CTX_set_min_proto_version(
		context, version_number(conninfo_value(conninfo, "ssl_min_protocol_version")));
	SSL_CTX_set_max_proto_version(
		context, version_number(conninfo_value(conninfo, "ssl_max_protocol_version")));
	SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	if (!choose_ciphers(context, conninfo->ciphers, conninfo->suites))
		return cannot(why, "cannot choose ciphers");
	if (verifies(mode, conninfo) && !load_trust(context, conninfo))
		return cannot_verify(conninfo, why);
	if (server_tls_begins(conninfo) && !name_protocol(context))
		return cannot(why, "cannot name the protocol");
	return load_certificate(context, conninfo, why);
}

SSL_CTX *server_tls_context(const struct conninfo *conninfo, enum tls_mode mode, struct failure *why)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	failure_set(why, FAILURE_NO_MEMORY);
	if (context != NULL && fill(context, conninfo, mode, why))
		return context;
	SSL_CTX_free(context);
	return NULL;
}

bool server_tls_chooses_ciphers(const struct conninfo *conninfo)
{
	return (conninfo->ciphers != NULL || conninfo->suites != NULL) &&
	       server_tls_mode(conninfo) >= TLS_PREFER;
}

void server_tls_check(const struct settings *settings, struct fault_list *faults)
{
	ERR_clear_error();
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context == NULL) {
		tls_context_refuse(faults, settings, "server_tls_ciphers", "TLS", NULL);
		return;
	}
	tls_context_take_ciphers(context, faults, settings, "server_tls_ciphers",
				 settings->server_tls_ciphers);
	tls_context_take_suites(context, faults, settings, "server_tls13_ciphers",
				settings->server_tls13_ciphers);
	SSL_CTX_free(context);
}
