#include "daemon/login/client_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "conf/check.h"
#include "conf/tls.h"
#include "daemon/tls_context.h"

struct preparation {
	SSL_CTX *context;
	struct settings *settings;
	struct fault_list *faults;
};

static bool refuse(const struct preparation *preparation, const char *setting, const char *value)
{
	return tls_context_refuse(preparation->faults, preparation->settings, setting, value, NULL);
}

/* Of `words`, which end with NULL, one may have been meant. */
static bool refuse_word(const struct preparation *preparation, const char *setting,
			const char *value, const char *const *words)
{
	return tls_context_refuse(preparation->faults, preparation->settings, setting, value, words);
}

/* The line that asks for it is told. */
static bool refuse_missing(const struct preparation *preparation, const char *setting,
			   const char *asking, const char *why)
{
	setting_fault(preparation->faults, preparation->settings, asking, "%s is not set: %s",
		      setting, why);
	return false;
}

/* --- key and certificates ----------------------------------------------------------------- */

static void note_loose_key(struct settings *settings)
{
	struct stat status;

	if (stat(settings->client_tls_key_file, &status) == 0 && (status.st_mode & S_IROTH) != 0)
		setting_fault(&settings->notes, settings, "client_tls_key_file",
			      "client_tls_key_file: everybody on this machine can read \"%s\"",
			      settings->client_tls_key_file);
}

static const char needed[] = "a server cannot speak TLS without it";

static bool load_certificate(const struct preparation *preparation)
{
	const char *file = preparation->settings->client_tls_cert_file;

	if (file[0] == '\0')
		return refuse_missing(preparation, "client_tls_cert_file", "client_tls_sslmode", needed);
	return SSL_CTX_use_certificate_chain_file(preparation->context, file) == 1 ||
	       refuse(preparation, "client_tls_cert_file", file);
}

static bool load_key(const struct preparation *preparation)
{
	const char *file = preparation->settings->client_tls_key_file;

	if (file[0] == '\0')
		return refuse_missing(preparation, "client_tls_key_file", "client_tls_sslmode", needed);
	note_loose_key(preparation->settings);
	tls_context_asks_nobody(preparation->context);
	return SSL_CTX_use_PrivateKey_file(preparation->context, file, SSL_FILETYPE_PEM) == 1 ||
	       refuse(preparation, "client_tls_key_file", file);
}

static bool load_pair(const struct preparation *preparation)
{
	bool good = load_certificate(preparation);

	good &= load_key(preparation);
	return good && (SSL_CTX_check_private_key(preparation->context) == 1 ||
			refuse(preparation, "client_tls_key_file",
			       preparation->settings->client_tls_key_file));
}

/* --- the certificates of clients ---------------------------------------------------------- */

/*
 * Where no certificate is demanded, one that does not convince is as good as none. OpenSSL keeps
 * what was wrong with it as the result, also for sessions that are resumed later.
 */
static int note_verification(X509_STORE_CTX *store, void *arg)
{
	(void)arg;
	X509_verify_cert(store);
	return 1;
}

static bool load_revocations(const struct preparation *preparation)
{
	const char *file = preparation->settings->client_tls_crl_file;
	X509_STORE *store = SSL_CTX_get_cert_store(preparation->context);

	if (file[0] == '\0')
		return true;
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
	if (lookup == NULL || X509_load_crl_file(lookup, file, X509_FILETYPE_PEM) <= 0)
		return refuse(preparation, "client_tls_crl_file", file);
	X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return true;
}

static bool load_names(const struct preparation *preparation)
{
	SSL_CTX *context = preparation->context;
	const char *file = preparation->settings->client_tls_ca_file;
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);

	if (names == NULL || SSL_CTX_load_verify_locations(context, file, NULL) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return refuse(preparation, "client_tls_ca_file", file);
	}
	SSL_CTX_set_client_CA_list(context, names);
	return true;
}

static bool load_authorities(const struct preparation *preparation)
{
	const struct settings *settings = preparation->settings;
	SSL_CTX *context = preparation->context;
	bool is_set = settings->client_tls_ca_file[0] != '\0';
	bool is_demanded = settings->client_tls_sslmode >= TLS_VERIFY_CA;

	if (!is_set && (is_demanded || settings->auth_type == AUTH_CERT))
		return refuse_missing(preparation, "client_tls_ca_file",
				      is_demanded ? "client_tls_sslmode" : "auth_type",
				      "no certificate of a client could be verified");
	if (!is_set)
		return true;
	bool good = load_names(preparation);
	SSL_CTX_set_verify(context,
			   SSL_VERIFY_PEER | (is_demanded ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
			   NULL);
	if (!is_demanded)
		SSL_CTX_set_cert_verify_callback(context, note_verification, NULL);
	return load_revocations(preparation) && good;
}

/* --- algorithms --------------------------------------------------------------------------- */

static bool choose_ciphers(const struct preparation *preparation)
{
	struct settings *settings = preparation->settings;
	bool good = tls_context_take_ciphers(preparation->context, preparation->faults, settings,
					     "client_tls_ciphers", settings->client_tls_ciphers);

	good &= tls_context_take_suites(preparation->context, preparation->faults, settings,
					"client_tls13_ciphers", settings->client_tls13_ciphers);
	return good;
}

static bool choose_curves(const struct preparation *preparation)
{
	static const char *const usual[] = {"auto",	 "none",  "prime256v1", "secp384r1",
					    "secp521r1", "P-256", "P-384",	"P-521",
					    "X25519",	 "X448",  NULL};
	const char *curves = preparation->settings->client_tls_ecdhcurve;

	if (curves[0] == '\0' || strcasecmp(curves, "auto") == 0 || strcasecmp(curves, "none") == 0)
		return true;
	return SSL_CTX_set1_groups_list(preparation->context, curves) == 1 ||
	       refuse_word(preparation, "client_tls_ecdhcurve", curves, usual);
}

/* OpenSSL's own parameters, whose size follows the key's; "legacy" asks for 1024 bits. */
static bool choose_parameters(const struct preparation *preparation)
{
	static const char *const words[] = {"auto", "legacy", "none", NULL};
	const char *parameters = preparation->settings->client_tls_dheparams;

	if (strcasecmp(parameters, "legacy") == 0)
		return SSL_CTX_set_dh_auto(preparation->context, 2) == 1;
	if (parameters[0] == '\0' || strcasecmp(parameters, "auto") == 0)
		return SSL_CTX_set_dh_auto(preparation->context, 1) == 1;
	return strcasecmp(parameters, "none") == 0 ||
	       refuse_word(preparation, "client_tls_dheparams", parameters, words);
}

static bool choose_versions(const struct preparation *preparation)
{
	char wrong[64];
	unsigned versions = tls_versions_parse(preparation->settings->client_tls_protocols, wrong,
					       sizeof wrong);

	/* Of which settings_check() has told. */
	if (versions == 0)
		return false;
	SSL_CTX_set_min_proto_version(preparation->context, TLS1_VERSION);
	SSL_CTX_set_options(preparation->context,
			    ((versions & TLS_1_0) != 0 ? 0 : SSL_OP_NO_TLSv1) |
				    ((versions & TLS_1_1) != 0 ? 0 : SSL_OP_NO_TLSv1_1) |
				    ((versions & TLS_1_2) != 0 ? 0 : SSL_OP_NO_TLSv1_2) |
				    ((versions & TLS_1_3) != 0 ? 0 : SSL_OP_NO_TLSv1_3));
	return true;
}

/* --- the rest ----------------------------------------------------------------------------- */

/* A client that names protocols must mean ours (PostgreSQL manual, "SSL Session Encryption"). */
static int select_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_length,
			   const unsigned char *offered, unsigned offered_length, void *arg)
{
	static const unsigned char ours[] = ALPN_POSTGRESQL;
	unsigned char *found;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&found, chosen_length, ours, sizeof ours - 1, offered,
				  offered_length) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*chosen = found;
	return SSL_TLSEXT_ERR_OK;
}

/* --- resumption --------------------------------------------------------------------------- */

/* After a handshake with certificates. A resumption may bring a new ticket, with a time of its own. */
#define RESUMED_FOR_S 7200

static time_t end_of(const X509 *certificate)
{
	struct tm end;

	return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1 ? timegm(&end) : 0;
}

/* A resumed session's certificate is not looked at again, so it ends with the first of its chain. */
static time_t end_of_session(SSL *ssl)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	time_t until = time(NULL) + RESUMED_FOR_S;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		time_t end = end_of(sk_X509_value(chain, i));
		if (end < until)
			until = end;
	}
	return until;
}

/* A ticket that follows from another goes on with what stands in that one. */
static int seal_ticket(SSL *ssl, void *arg)
{
	(void)arg;
	if (SSL_session_reused(ssl))
		return 1;
	time_t until = end_of_session(ssl);
	return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), &until, sizeof until);
}

static bool is_over(SSL_SESSION *session)
{
	void *data;
	size_t length;
	time_t until;

	if (SSL_SESSION_get0_ticket_appdata(session, &data, &length) != 1 || length != sizeof until)
		return true;
	memcpy(&until, data, sizeof until);
	return time(NULL) >= until;
}

/* One that is not used is made up for with a handshake, and a new one. */
static SSL_TICKET_RETURN open_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
				     size_t length, SSL_TICKET_STATUS status, void *arg)
{
	(void)ssl;
	(void)name;
	(void)length;
	(void)arg;
	if ((status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) || is_over(session))
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/*
 * Resumption is by tickets, so nothing is kept here. Their keys are those of this context: after a
 * reload, which may have changed whom to trust, everybody's certificate is looked at again.
 */
static void choose_manners(SSL_CTX *context)
{
	static const unsigned char name[] = "millpond";

	SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_id_context(context, name, sizeof name - 1);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 1);
	SSL_CTX_set_session_ticket_cb(context, seal_ticket, open_ticket, NULL);
	SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
}

static void release_context(void *context)
{
	SSL_CTX_free(context);
}

bool client_tls_prepare(struct settings *settings, struct fault_list *faults)
{
	if (settings->client_tls_sslmode == TLS_DISABLE)
		return true;
	ERR_clear_error();
	struct preparation preparation = {
		.context = SSL_CTX_new(TLS_server_method()),
		.settings = settings,
		.faults = faults,
	};
	if (preparation.context == NULL)
		return refuse(&preparation, "client_tls_sslmode", "TLS");
	choose_manners(preparation.context);
	/* All of them, so that all faults are found at once. */
	bool good = load_pair(&preparation);
	good &= load_authorities(&preparation);
	good &= choose_ciphers(&preparation);
	good &= choose_curves(&preparation);
	good &= choose_parameters(&preparation);
	good &= choose_versions(&preparation);
	if (!good) {
		SSL_CTX_free(preparation.context);
		return false;
	}
	settings->client_tls = (struct settings_attachment){preparation.context, release_context};
	return true;
}

void client_tls_keep(struct settings *settings, const struct settings *old)
{
	settings->client_tls = old->client_tls;
	if (settings->client_tls.object != NULL)
		SSL_CTX_up_ref(settings->client_tls.object);
}

struct ssl_ctx_st *client_tls_context(const struct settings *settings)
{
	return settings->client_tls.object;
}
