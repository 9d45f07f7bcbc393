/*
 * Base64 as SCRAM uses it: with padding, without line breaks, and nothing else is taken.
 * Source: RFC 4648, section 4; RFC 5802, section 5.1.
 */
#ifndef MILLPOND_PROTOCOL_BASE64_H
#define MILLPOND_PROTOCOL_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* How many characters so many bytes become, without a terminating zero. */
#define BASE64_LENGTH(bytes) (((bytes) + 2) / 3 * 4)

/* Writes BASE64_LENGTH(length) characters and a zero; answers that length. */
size_t base64_encode(const void *data, size_t length, char *text);

/* Writes at most `most` bytes and their number. False: not base64, or more bytes than that. */
bool base64_decode(const char *text, size_t length, void *data, size_t most, size_t *decoded);

#endif
