#include "pool/direct.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/message.h"
#include "protocol/writer.h"

/* A server that does not answer in this time is not waited for. */
#define CANCEL_LIMIT_MS 10000

void direct_free(struct direct *direct)
{
	if (direct == NULL)
		return;
	if (direct->ssl != NULL)
		direct->end_ssl(direct->ssl);
	if (direct->fd >= 0) {
		if (direct->ssl == NULL)
			send(direct->fd, message_terminate, sizeof message_terminate,
			     MSG_NOSIGNAL | MSG_DONTWAIT);
		close(direct->fd);
	}
	free(direct);
}

static bool send_request(const struct direct *direct, int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	struct writer writer;
	char answer;

	writer_init(&writer);
	write_cancel_request(&writer, direct->cancel_key);
	bool sent = !writer.failed && send(fd, writer.data, writer.length, MSG_NOSIGNAL) ==
					      (ssize_t)writer.length;
	writer_release(&writer);
	/* The server closes the connection when it has passed the request on. */
	if (sent && poll(&poll_fd, 1, CANCEL_LIMIT_MS) > 0)
		return recv(fd, &answer, 1, 0) == 0 || errno == ECONNRESET;
	return false;
}

bool direct_cancel(const struct direct *direct, char *error, size_t error_size)
{
	const struct timeval limit = {.tv_sec = CANCEL_LIMIT_MS / 1000};
	int fd = socket(direct->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	errno = fd < 0 ? errno : 0;
	bool done = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
		    connect(fd, (const struct sockaddr *)&direct->address,
			    direct->address_length) == 0 &&
		    send_request(direct, fd);
	if (!done)
		snprintf(error, error_size, "%s", errno != 0 ? strerror(errno) : "no answer");
	if (fd >= 0)
		close(fd);
	return done;
}
