#include "conf/keyword.h"

#include <string.h>

#include "conf/array.h"

#define VALUES(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char fixed_protocol[] = "the protocol that servers are spoken to in is fixed";
static const char needs_a_person[] = "it is a login that needs a person at a browser";
static const char client_keys[] = "keys of a login are never in the configuration";

static const struct keyword keywords[] = {
	{"application_name", NULL, NULL},
	{"channel_binding", NULL, VALUES("disable", "prefer", "require")},
	{"client_encoding", NULL, NULL},
	{"connect_timeout", "the time to connect is server_connect_timeout in [millpond]", NULL},
	{"fallback_application_name", NULL, NULL},
	{"gssdelegation", NULL, VALUES("0", "1")},
	{"gssencmode", "an encryption by GSS cannot be relayed; only disable can be had",
	 VALUES("disable")},
	{"gsslib", NULL, NULL},
	{"hostaddr", NULL, NULL},
	{"keepalives", NULL, VALUES("0", "1")},
	{"keepalives_count", NULL, NULL},
	{"keepalives_idle", NULL, NULL},
	{"keepalives_interval", NULL, NULL},
	{"krbsrvname", NULL, NULL},
	{"max_protocol_version", fixed_protocol, NULL},
	{"min_protocol_version", fixed_protocol, NULL},
	{"oauth_client_id", needs_a_person, NULL},
	{"oauth_client_secret", needs_a_person, NULL},
	{"oauth_issuer", needs_a_person, NULL},
	{"oauth_scope", needs_a_person, NULL},
	{"options", NULL, NULL},
	{"passfile", NULL, NULL},
	{"replication", "server connections are shared, and a replication connection cannot be",
	 NULL},
	{"require_auth", NULL, NULL},
	{"requirepeer", NULL, NULL},
	{"scram_client_key", client_keys, NULL},
	{"scram_server_key", client_keys, NULL},
	{"service", NULL, NULL},
	{"ssl_max_protocol_version", NULL,
	 VALUES("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")},
	{"ssl_min_protocol_version", NULL,
	 VALUES("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")},
	{"sslcert", NULL, NULL},
	{"sslcertmode", NULL, VALUES("disable", "allow", "require")},
	{"sslcompression", NULL, VALUES("0", "1")},
	{"sslcrl", NULL, NULL},
	{"sslcrldir", NULL, NULL},
	{"sslkey", NULL, NULL},
	{"sslkeylogfile", "it would write the keys of connections to a file", NULL},
	{"sslmode", NULL,
	 VALUES("disable", "allow", "prefer", "require", "verify-ca", "verify-full")},
	{"sslnegotiation", NULL, VALUES("postgres", "direct")},
	{"sslpassword", NULL, NULL},
	{"sslrootcert", NULL, NULL},
	{"sslsni", NULL, VALUES("0", "1")},
	{"target_session_attrs", NULL,
	 VALUES("any", "read-write", "read-only", "primary", "standby", "prefer-standby")},
	{"tcp_user_timeout", NULL, NULL},
};

const struct keyword *keyword_at(size_t index)
{
	return index < ARRAY_SIZE(keywords) ? &keywords[index] : NULL;
}

const struct keyword *keyword_find(const char *name)
{
	for (size_t i = 0; keyword_at(i); i++) {
		if (strcmp(keywords[i].name, name) == 0)
			return &keywords[i];
	}
	return NULL;
}

bool keyword_can_be(const struct keyword *keyword, const char *value)
{
	if (!keyword->values)
		return !keyword->refusal;
	for (const char *const *possible = keyword->values; *possible; possible++) {
		if (strcmp(*possible, value) == 0)
			return true;
	}
	return false;
}

/* What libpq does and a login without it does not, and the value that asks for nothing. */
static const struct {
	const char *keyword, *harmless;
} libpqs_own[] = {
	{"gsslib", ""},		    {"krbsrvname", ""},
	{"passfile", ""},	    {"requirepeer", ""},
	{"sslcertmode", "allow"},   {"sslnegotiation", "postgres"},
	{"sslpassword", ""},	    {"sslsni", "1"},
	{"target_session_attrs", "any"},
};

/* Instead of a file. */
static bool is_key_of_engine(const char *keyword, const char *value)
{
	return strcmp(keyword, "sslkey") == 0 && strchr(value, ':');
}

bool keyword_needs_libpq(const char *keyword, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(libpqs_own); i++)
		if (strcmp(libpqs_own[i].keyword, keyword) == 0)
			return *value && strcmp(libpqs_own[i].harmless, value) != 0;
	return is_key_of_engine(keyword, value);
}
