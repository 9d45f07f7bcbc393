/*
 * Messages as bytes: their letters, and their framing by a header of five bytes (a letter and a
 * length that counts itself but not the letter). Bodies are for others.
 * Source: PostgreSQL manual, "Message Formats".
 */
#ifndef MILLPOND_PROTOCOL_MESSAGE_H
#define MILLPOND_PROTOCOL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRONTEND(letter, name, longest) FRONTEND_##name = letter,
enum frontend_message {
#include "protocol/message.def"
};

#define BACKEND(letter, name) BACKEND_##name = letter,
enum backend_message {
#include "protocol/message.def"
};

#define MESSAGE_HEADER_BYTES ((size_t)5)

/* What a server asks for, or says, during a login: a message with this letter begins with one of these. */
#define AUTHENTICATION_LETTER 'R'
#define AUTHENTICATION_RESPONSE_LETTER 'p' /* of all kinds of answers */
enum authentication {
	AUTHENTICATION_OK = 0,
	AUTHENTICATION_PLAIN = 3,
	AUTHENTICATION_MD5 = 5,
	AUTHENTICATION_SASL = 10,
	AUTHENTICATION_SASL_CONTINUE = 11,
	AUTHENTICATION_SASL_FINAL = 12,
};

/* What else a server says only during a login. */
#define BACKEND_KEY_LETTER 'K'
#define NEGOTIATION_LETTER 'v'

/* The whole of a Terminate. */
extern const char message_terminate[MESSAGE_HEADER_BYTES];

/* One message, or as much of it as is there. */
struct message {
	unsigned char letter;
	const char *start;	/* of the header */
	const char *body;
	size_t body_length;	/* as the header says */
	size_t present;		/* bytes of header and body that are there */
};

static inline uint32_t read_uint32(const char *data)
{
	const unsigned char *d = (const unsigned char *)data;
	return (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
}

static inline uint16_t read_uint16(const char *data)
{
	const unsigned char *d = (const unsigned char *)data;
	return (uint16_t)(d[0] << 8 | d[1]);
}

/*
 * Looks at the message that begins at `data`, of which `left` bytes are there. False while the
 * header is incomplete. The length word is not checked: below 4 it gives a huge body_length, which
 * the limits below refuse.
 */
static inline bool message_look(const char *data, size_t left, struct message *message)
{
	if (left < MESSAGE_HEADER_BYTES)
		return false;
	message->letter = (unsigned char)data[0];
	message->start = data;
	message->body = data + MESSAGE_HEADER_BYTES;
	message->body_length = (size_t)read_uint32(data + 1) - 4;
	size_t whole = message->body_length + MESSAGE_HEADER_BYTES;
	message->present = left < whole ? left : whole;
	return true;
}

static inline bool message_is_whole(const struct message *message)
{
	return message->present == message->body_length + MESSAGE_HEADER_BYTES;
}

/* The next value of a DataRow, NULL for NULL. False: it does not fit into the row. */
bool row_next(const char **cursor, const char *end, const char **value, size_t *length);

/* How many bytes whole messages of one letter, of any length, take at the beginning of `data`. */
size_t message_run(const char *data, size_t length, unsigned char letter);

enum message_fault { MESSAGE_GOOD, MESSAGE_UNKNOWN, MESSAGE_BAD_LENGTH };

/* Whether the peer may send such a message; `max_bytes` limits the whole of it. */
enum message_fault frontend_message_check(const struct message *message, size_t max_bytes);
enum message_fault backend_message_check(const struct message *message);

/* What a client sends for a COPY (PostgreSQL manual, "COPY Operations"). */
static inline bool message_is_of_copy(unsigned char letter)
{
	return letter == FRONTEND_COPY_DATA || letter == FRONTEND_COPY_DONE ||
	       letter == FRONTEND_COPY_FAIL;
}

/* What a server takes while it waits for that: these two it ignores. */
static inline bool message_fits_into_copy(unsigned char letter)
{
	return message_is_of_copy(letter) || letter == FRONTEND_FLUSH || letter == FRONTEND_SYNC;
}

#endif
