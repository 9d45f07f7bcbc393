#include "protocol/message.h"

/* As in PostgreSQL (libpq.h): PQ_SMALL_MESSAGE_LIMIT and PQ_LARGE_MESSAGE_LIMIT. */
#define SMALL 10000u
#define LARGE 0x3ffffffeu
#define EMPTY 4u

/* The longest length word that a letter may have; 0: no such message. */
#define FRONTEND(letter, name, longest) [letter] = longest,
static const uint32_t frontend_limit[256] = {
#include "protocol/message.def"
};

#define BACKEND(letter, name) [letter] = 0x7fffffffu,
static const uint32_t backend_limit[256] = {
#include "protocol/message.def"
};

const char message_terminate[] = {FRONTEND_TERMINATE, 0, 0, 0, 4};

/* The length word counts its own four bytes, which the body does not. */
static bool is_too_long(const struct message *message, uint32_t limit)
{
	return message->body_length > limit - 4;
}

enum message_fault frontend_message_check(const struct message *message, size_t max_bytes)
{
	uint32_t limit = frontend_limit[message->letter];
	if (limit == 0)
		return MESSAGE_UNKNOWN;
	if (is_too_long(message, limit) ||
	    message->body_length + MESSAGE_HEADER_BYTES > max_bytes)
		return MESSAGE_BAD_LENGTH;
	return MESSAGE_GOOD;
}

enum message_fault backend_message_check(const struct message *message)
{
	uint32_t limit = backend_limit[message->letter];
	if (limit == 0)
		return MESSAGE_UNKNOWN;
	return is_too_long(message, limit) ? MESSAGE_BAD_LENGTH : MESSAGE_GOOD;
}

size_t message_run(const char *data, size_t length, unsigned char letter)
{
	size_t at = 0;

	while (length - at >= MESSAGE_HEADER_BYTES && (unsigned char)data[at] == letter) {
		size_t counted = read_uint32(data + at + 1);
		if (counted < 4 || counted > length - at - 1)
			break;
		at += counted + 1;
	}
	return at;
}

bool row_next(const char **cursor, const char *end, const char **value, size_t *length)
{
	*value = NULL;
	*length = 0;
	if (end - *cursor < 4)
		return false;
	uint32_t counted = read_uint32(*cursor);
	*cursor += 4;
	if (counted == UINT32_MAX)
		return true;
	if (counted > (size_t)(end - *cursor))
		return false;
	*value = *cursor;
	*length = counted;
	*cursor += counted;
	return true;
}
