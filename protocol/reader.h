/*
 * Takes the body of a whole message apart, from its beginning to its end. Once more has been asked for than is
 * there, all calls give nothing and `failed` is set, so only the end needs to look.
 * Source: PostgreSQL manual, "Message Formats".
 */
#ifndef MILLPOND_PROTOCOL_READER_H
#define MILLPOND_PROTOCOL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "protocol/message.h"

struct reader {
	const char *at;
	const char *end;
	bool failed;
};

static inline struct reader reader_of(const struct message *message)
{
	return (struct reader){message->body, message->body + message->body_length, false};
}

/* NULL: there are not so many. What is taken points into the body. */
static inline const char *reader_take_bytes(struct reader *reader, size_t length)
{
	const char *at = reader->at;

	if (reader->failed || (size_t)(reader->end - at) < length) {
		reader->failed = true;
		return NULL;
	}
	reader->at += length;
	return at;
}

static inline uint16_t reader_take_uint16(struct reader *reader)
{
	const char *at = reader_take_bytes(reader, 2);
	return at == NULL ? 0 : read_uint16(at);
}

static inline uint32_t reader_take_uint32(struct reader *reader)
{
	const char *at = reader_take_bytes(reader, 4);
	return at == NULL ? 0 : read_uint32(at);
}

/* A text, with its terminating zero; or "". */
static inline const char *reader_take_text(struct reader *reader)
{
	size_t left = (size_t)(reader->end - reader->at);
	size_t length = reader->failed ? 0 : strnlen(reader->at, left);

	reader->failed |= length == left;
	return reader->failed ? "" : reader_take_bytes(reader, length + 1);
}

/* Whether all that was asked for was there, and nothing is behind it. */
static inline bool reader_is_done(const struct reader *reader)
{
	return !reader->failed && reader->at == reader->end;
}

#endif
