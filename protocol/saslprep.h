/*
 * The preparation of passwords for SCRAM, so that two spellings of one password are the same bytes.
 *
 * Plain ASCII needs none. Of other texts, blanks of all kinds become U+0020 and what is invisible
 * (soft hyphens, joiners, variation selectors) is left out. A text that is not UTF-8, or holds a
 * character that is prohibited (control characters, private use, surrogates, ...), is used as it is;
 * so does PostgreSQL. What is not done is Unicode's normalisation NFKC, which needs large tables: a
 * password with characters that it changes (ligatures, full-width forms, letters typed as a letter
 * and a combining accent) must be stored as a SCRAM secret, not as plain text.
 * Source: RFC 4013; RFC 3454, appendices B.1, C.1.2 to C.9.
 */
#ifndef MILLPOND_PROTOCOL_SASLPREP_H
#define MILLPOND_PROTOCOL_SASLPREP_H

#include <stdbool.h>

/* The prepared text, to be freed, or NULL: use the password as it is. */
char *saslprep(const char *password);

/* Whether normalisation is known to change nothing of it: it holds no other letters than usual ones. */
bool saslprep_is_complete(const char *password);

#endif
