#include "conf/keyword.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/array.h"

#define VALUES(...) ((const char *const[]){__VA_ARGS__, NULL})

static const char fixed_protocol[] = "the protocol that servers are spoken to in is fixed";
static const char needs_a_person[] = "it is a login that needs a person at a browser";
static const char client_keys[] = "keys of a login are never in the configuration";

static const char *const number[] = {NULL};

/* Several of them, or with ! in front all others. */
static const char *const methods[] = {"password", "md5", "gss", "sspi", "scram-sha-256", "none", "oauth", NULL};

const char *const server_type_names[] = {
	[SERVER_ANY] = "any",
	[SERVER_READ_WRITE] = "read-write",
	[SERVER_READ_ONLY] = "read-only",
	[SERVER_PRIMARY] = "primary",
	[SERVER_STANDBY] = "standby",
	[SERVER_PREFER_STANDBY] = "prefer-standby",
	NULL,
};

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
	{"keepalives_count", NULL, number},
	{"keepalives_idle", NULL, number},
	{"keepalives_interval", NULL, number},
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
	{"require_auth", NULL, methods},
	{"requirepeer", NULL, NULL},
	{"scram_client_key", client_keys, NULL},
	{"scram_server_key", client_keys, NULL},
	{"service", NULL, NULL},
	{"ssl_max_protocol_version", NULL, VALUES("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")},
	{"ssl_min_protocol_version", NULL, VALUES("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")},
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
	{"target_session_attrs", NULL, server_type_names},
	{"tcp_user_timeout", NULL, number},
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

/* --- values --- */

static bool is_number(const char *value)
{
	char *end;

	errno = 0;
	long read = strtol(value, &end, 10);
	return end != value && !*end && errno == 0 && read >= INT_MIN && read <= INT_MAX;
}

/* The place of a word among others; or -1. */
static int find_word(const char *const *words, const char *word, size_t length)
{
	for (int i = 0; words[i]; i++) {
		if (strlen(words[i]) == length && strncmp(words[i], word, length) == 0)
			return i;
	}
	return -1;
}

/* As libpq reads it: no blanks, no method twice, and ! in front of all or of none. */
static bool are_methods(const char *value)
{
	bool excludes = *value == '!';
	unsigned seen = 0;

	for (const char *rest = value;; rest++) {
		if ((*rest == '!') != excludes)
			return false;
		rest += excludes;
		size_t length = strcspn(rest, ",");
		int method = find_word(methods, rest, length);
		if (method < 0 || (seen & 1U << method))
			return false;
		seen |= 1U << method;
		rest += length;
		if (!*rest)
			return true;
	}
}

bool keyword_can_be(const struct keyword *keyword, const char *value)
{
	if (!keyword->values)
		return !keyword->refusal;
	if (keyword->values == number)
		return is_number(value);
	if (keyword->values == methods)
		return !*value || are_methods(value);
	return find_word(keyword->values, value, strlen(value)) >= 0;
}

void keyword_describe(const struct keyword *keyword, char *text, size_t size)
{
	bool is_list = keyword->values == methods;
	int length = snprintf(text, size, "%s", keyword->values == number ? "a whole number" :
						is_list			  ? "a list of" :
									    "one of");

	for (const char *const *word = keyword->values; *word && (size_t)length < size; word++)
		length += snprintf(text + length, size - (size_t)length, "%s \"%s\"",
				   word == keyword->values ? "" : ",", *word);
	if (is_list && (size_t)length < size)
		snprintf(text + length, size - (size_t)length, ", or of those with ! in front");
}

/* --- what takes libpq, and which --- */

int keyword_since(const char *name)
{
	static const struct {
		const char *name;
		int version;
	} later[] = {{"channel_binding", 13}, {"gssdelegation", 17},
		     {"require_auth", 16},    {"ssl_max_protocol_version", 13},
		     {"sslcertmode", 16},     {"ssl_min_protocol_version", 13},
		     {"sslcrldir", 14},	      {"sslnegotiation", 17},
		     {"sslpassword", 13},     {"sslsni", 14}};

	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		if (strcmp(later[i].name, name) == 0)
			return later[i].version;
	}
	return 0;
}

/* What libpq does and a login without it does not, and the value that asks for nothing. */
static const struct {
	const char *keyword, *harmless;
} libpqs_own[] = {
	{"gssdelegation", "0"}, {"gsslib", ""},	     {"krbsrvname", ""},
	{"passfile", ""},	{"sslpassword", ""}, {"sslsni", "1"},
};

bool keyword_needs_libpq(const char *keyword, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(libpqs_own); i++)
		if (strcmp(libpqs_own[i].keyword, keyword) == 0)
			return *value && strcmp(libpqs_own[i].harmless, value) != 0;
	/* A key of an engine instead of a file. */
	return strcmp(keyword, "sslkey") == 0 && strchr(value, ':');
}
