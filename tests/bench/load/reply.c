#include "tests/bench/load/reply.h"

#include <arpa/inet.h>
#include <string.h>

void reply_expect(struct reply *reply, const struct exchange *expected)
{
	*reply = (struct reply){.expected = expected, .next = expected->replies};
}

/* Parameters and notices may come at any time. */
static bool is_asynchronous(char type)
{
	return type == 'S' || type == 'N' || type == 'A';
}

static bool is_expected(struct reply *reply)
{
	const struct exchange *expected = reply->expected;

	if (reply->type == 'D') {
		if (*reply->next != 'D' || reply->body_left != expected->row_size ||
		    reply->rows == expected->rows)
			return false;
		if (++reply->rows == expected->rows)
			reply->next++;
		return true;
	}
	if (reply->type != *reply->next)
		return is_asynchronous(reply->type);
	if (reply->type == 'Z' && reply->body_left != 1)
		return false;
	reply->next++;
	return true;
}

/* The next header, from the bytes at hand or put together from two parts. False: more is needed. */
static bool take_header(struct reply *reply, const char **at, const char *end)
{
	const char *header = *at;

	if (reply->header_have > 0 || end - *at < 5) {
		while (reply->header_have < 5 && *at < end)
			reply->header[reply->header_have++] = *(*at)++;
		if (reply->header_have < 5)
			return false;
		reply->header_have = 0;
		header = reply->header;
	} else {
		*at += 5;
	}

	uint32_t length;
	memcpy(&length, header + 1, 4);
	reply->type = header[0];
	reply->body_left = ntohl(length) - 4;
	return true;
}

enum reply_state reply_take(struct reply *reply, const char **at, const char *end)
{
	for (;;) {
		size_t have = (size_t)(end - *at);
		if (reply->body_left > have) {
			reply->body_left -= (uint32_t)have;
			*at = end;
			return REPLY_GOES_ON;
		}
		*at += reply->body_left;
		if (reply->type == 'Z' && reply->body_left > 0) {
			reply->body_left = 0;
			return (*at)[-1] == reply->expected->status ? REPLY_DONE : REPLY_WRONG;
		}
		reply->body_left = 0;
		if (!take_header(reply, at, end))
			return REPLY_GOES_ON;
		if (!is_expected(reply))
			return REPLY_WRONG;
	}
}
