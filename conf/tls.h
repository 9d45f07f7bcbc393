/*
 * The words of the TLS settings: modes and versions of the protocol.
 */
#ifndef MILLPOND_CONF_TLS_H
#define MILLPOND_CONF_TLS_H

#include <stdbool.h>
#include <stddef.h>

/* In the order of their strictness. */
enum tls_mode {
	TLS_DISABLE,
	TLS_ALLOW,
	TLS_PREFER,
	TLS_REQUIRE,
	TLS_VERIFY_CA,
	TLS_VERIFY_FULL,
};

/* Versions are bits, so that a set of them is a number. */
enum tls_version {
	TLS_1_0 = 1 << 0,
	TLS_1_1 = 1 << 1,
	TLS_1_2 = 1 << 2,
	TLS_1_3 = 1 << 3,
};

/*
 * Reads a list of versions, as PgBouncer takes it: names or their short forms, separated by commas,
 * colons or spaces; a "!" takes one out again. Answers the set, or 0 if the text is not one (`wrong` is
 * then the item that is not, or empty when nothing is left).
 */
unsigned tls_versions_parse(const char *text, char *wrong, size_t wrong_bytes);

/* The names and short forms of versions, from 0; NULL: there are no more. */
const char *tls_version_word(size_t index);

/*
 * The lowest and the highest version of a set, by the names that libpq gives them. False: a version in
 * between is missing, which libpq cannot be told.
 */
bool tls_versions_range(unsigned versions, const char **lowest, const char **highest);

/*
 * A list of ciphers as OpenSSL reads it, for the text of a setting with PgBouncer's short forms; NULL: what
 * OpenSSL takes by itself.
 */
const char *tls_ciphers(const char *text);

#endif
