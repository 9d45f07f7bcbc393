/*
 * The preparation of passwords for SCRAM, so that two spellings of one password are the same bytes:
 * SASLprep, by libidn.
 *
 * As PostgreSQL does it: plain ASCII is used as it is, control characters and all, and so is a text that
 * SASLprep refuses, since it is not UTF-8 or holds a character that is prohibited or not assigned;
 * and it is the text before its normalisation that is looked at for that.
 * Source: RFC 4013; RFC 3454.
 */
#ifndef MILLPOND_PROTOCOL_SASLPREP_H
#define MILLPOND_PROTOCOL_SASLPREP_H

/* The prepared text, to be wiped and freed, or NULL: use the password as it is, or there is no memory. */
char *saslprep(const char *password);

#endif
