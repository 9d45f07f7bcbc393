#pragma once
/* Follows the replies to one request by hopping from header to header, and compares them with the expectation. */
#include "tests/bench/load/script.h"

#include <stdint.h>

enum reply_state { REPLY_GOES_ON, REPLY_DONE, REPLY_WRONG };

struct reply {
	const struct exchange *expected;
	const char *next; /* in expected->replies */
	unsigned rows;
	uint32_t body_left;  /* of the message at hand */
	uint8_t header_have; /* of the next one, when it came in two parts */
	char type;
	char header[5];
};

void reply_expect(struct reply *reply, const struct exchange *expected);

/*
 * Takes bytes up to the end of the reply; `*at` is moved behind what was taken. After REPLY_WRONG it points
 * behind the header of the message that was not expected.
 */
enum reply_state reply_take(struct reply *reply, const char **at, const char *end);
