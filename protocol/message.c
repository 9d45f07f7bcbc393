#include "protocol/message.h"

/* As in PostgreSQL (libpq.h): PQ_SMALL_MESSAGE_LIMIT and PQ_LARGE_MESSAGE_LIMIT. */
#define SMALL 10000u
#define LARGE 0x3fffffffu

/* The longest body a letter may have, 0: no such message. One more, so that 0 stays free. */
#define FRONTEND(letter, name, longest) [letter] = longest + 1,
static const uint32_t frontend_limit[256] = {
#include "protocol/message.def"
};

#define BACKEND(letter, name) [letter] = 0x7fffffffu,
static const uint32_t backend_limit[256] = {
#include "protocol/message.def"
};

enum message_fault frontend_message_check(const struct message *message, size_t max_bytes)
{
	uint32_t limit = frontend_limit[message->letter];
	if (limit == 0)
		return MESSAGE_UNKNOWN;
	if (message->body_length >= limit ||
	    message->body_length > max_bytes - MESSAGE_HEADER_BYTES)
		return MESSAGE_BAD_LENGTH;
	return MESSAGE_GOOD;
}

enum message_fault backend_message_check(const struct message *message)
{
	uint32_t limit = backend_limit[message->letter];
	if (limit == 0)
		return MESSAGE_UNKNOWN;
	return message->body_length < limit ? MESSAGE_GOOD : MESSAGE_BAD_LENGTH;
}
