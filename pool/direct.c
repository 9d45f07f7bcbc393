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
		direct->tls->end(direct->ssl);
	if (direct->fd >= 0) {
		if (direct->ssl == NULL)
			send(direct->fd, message_terminate, sizeof message_terminate,
			     MSG_NOSIGNAL | MSG_DONTWAIT);
		close(direct->fd);
	}
	free(direct);
}

struct direct *direct_again(const struct direct *direct)
{
	struct direct *again = malloc(sizeof *again);

	if (again == NULL)
		return NULL;
	*again = *direct;
	again->fd = -1;
	again->ssl = direct->ssl != NULL ? direct->tls->again(direct) : NULL;
	if (direct->ssl == NULL || again->ssl != NULL)
		return again;
	free(again);
	return NULL;
}

/* The server closes the connection when it has passed the request on. */
static bool ask(int fd, const char *request, size_t length)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	char answer;

	return send(fd, request, length, MSG_NOSIGNAL) == (ssize_t)length &&
	       poll(&poll_fd, 1, CANCEL_LIMIT_MS) > 0 &&
	       (recv(fd, &answer, 1, 0) == 0 || errno == ECONNRESET);
}

static bool send_request(const struct direct *direct, int fd, char *error, size_t error_size)
{
	struct writer writer;

	writer_init(&writer);
	write_cancel_request(&writer, direct->cancel_key);
	bool sent = !writer.failed &&
		    (direct->ssl == NULL ? ask(fd, writer.data, writer.length) :
					   direct->tls->ask(direct, fd, writer.data, writer.length,
							    error, error_size));
	writer_release(&writer);
	return sent;
}

/*
 * A process that is stopped and continued is interrupted in a socket with a time-out. Asked again, Linux goes on with
 * what has begun, or begins anew on a Unix socket.
 */
static bool reach(const struct direct *direct, int fd)
{
	return TEMP_FAILURE_RETRY(connect(fd, (const struct sockaddr *)&direct->address,
					  direct->address_length)) == 0;
}

bool direct_cancel(const struct direct *direct, char *error, size_t error_size)
{
	const struct timeval limit = {.tv_sec = CANCEL_LIMIT_MS / 1000};
	int fd = socket(direct->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	error[0] = '\0';
	errno = fd < 0 ? errno : 0;
	bool done = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
		    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
		    reach(direct, fd) && send_request(direct, fd, error, error_size);
	if (!done && error[0] == '\0')
		snprintf(error, error_size, "%s", errno != 0 ? strerror(errno) : "no answer");
	if (fd >= 0)
		close(fd);
	return done;
}
