#include "tests/bench/null_backend/output.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
	BIG_ROWS = 10000,
	BIG_VALUE = 100,
	BIG_ROW = 1 + 4 + 2 + 4 + BIG_VALUE,
};

static char big_rows[BIG_ROWS * BIG_ROW];

void output_prepare(void)
{
	for (char *row = big_rows; row < big_rows + sizeof(big_rows); row += BIG_ROW) {
		uint32_t length = htonl(BIG_ROW - 1), value = htonl(BIG_VALUE);
		row[0] = 'D';
		memcpy(row + 1, &length, 4);
		memcpy(row + 5, "\0\1", 2);
		memcpy(row + 7, &value, 4);
		memset(row + 11, 'x', BIG_VALUE);
	}
}

void output_put(struct output *out, const void *bytes, size_t count)
{
	if (out->size - out->used < count) {
		out->size = (out->used + count) * 2;
		out->bytes = realloc(out->bytes, out->size);
		if (out->bytes == NULL)
			abort();
	}
	memcpy(out->bytes + out->used, bytes, count);
	out->used += count;
}

void output_message(struct output *out, char type, const void *body, size_t count)
{
	uint32_t length = htonl((uint32_t)count + 4);

	output_put(out, &type, 1);
	output_put(out, &length, 4);
	output_put(out, body, count);
}

void output_big_rows(struct output *out)
{
	if (out->rows_left > 0) { /* a second one in the same batch */
		output_put(out, big_rows, sizeof(big_rows));
		return;
	}
	out->mark = out->used;
	out->rows_left = sizeof(big_rows);
}

bool output_is_empty(const struct output *out)
{
	return out->sent == out->used && out->rows_left == 0;
}

bool output_flush(struct output *out, int fd)
{
	while (!output_is_empty(out)) {
		bool rows = out->rows_left > 0;
		size_t before = rows ? out->mark - out->sent : out->used - out->sent;
		struct iovec parts[3] = {
			{out->bytes + out->sent, before},
			{big_rows + (sizeof(big_rows) - out->rows_left), out->rows_left},
			{out->bytes + (rows ? out->mark : out->used),
			 rows ? out->used - out->mark : 0},
		};
		struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
		ssize_t result = rows ? sendmsg(fd, &message, MSG_NOSIGNAL)
				      : send(fd, parts[0].iov_base, before, MSG_NOSIGNAL);
		if (result < 0)
			return errno == EAGAIN;

		size_t count = (size_t)result;
		size_t head = count < before ? count : before;
		size_t middle = count - head < out->rows_left ? count - head : out->rows_left;
		out->rows_left -= middle;
		out->sent += count - middle;
	}
	out->sent = out->used = 0;
	return true;
}
