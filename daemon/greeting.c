#include "daemon/greeting.h"

#include <errno.h>
#include <string.h>

#include "daemon/cancel.h"
#include "daemon/runtime/stream.h"
#include "daemon/session.h"

bool await_more(struct session *session, struct failure *why, int64_t deadline)
{
	if (await_readable(&session->client, deadline))
		return true;
	if (errno == ETIMEDOUT)
		return failure_set(why, FAILURE_LOGIN_TIMEOUT);
	return failure_set(why, session->killed != FAILURE_NONE ? session->killed :
								   FAILURE_NO_MEMORY);
}

/* Encryption is not offered; whatever was sent along with the question came from somebody else. */
static bool decline_encryption(struct session *session, const struct startup *startup,
			       size_t length, const char *kind, struct failure *why)
{
	if (length > startup->packet_length)
		return failure_set(why, FAILURE_UNENCRYPTED_DATA, kind);
	return stream_send(&session->client, "N", 1) ||
	       failure_set(why, FAILURE_CLIENT_SEND_FAILED, strerror(errno));
}

static bool await_cancelled(struct session *session, const struct startup *startup,
			    struct failure *why)
{
	unsigned char key[CANCEL_KEY_BYTES];

	memcpy(key, startup->cancel_key, sizeof key);
	await_cancel_request(session->worker, key);
	return failure_set(why, FAILURE_CLIENT_SAID_GOODBYE);
}

/* One read; the answer is STARTUP_INCOMPLETE as long as there is more to come. */
static enum startup_kind read_startup(struct session *session, struct startup *startup,
				      size_t *length, struct failure *why)
{
	char *data;
	ssize_t got = stream_read(&session->client, &data);

	if (got < 0 && errno == EAGAIN)
		return STARTUP_INCOMPLETE;
	if (got <= 0) {
		failure_set(why, FAILURE_CLIENT_GONE);
		return STARTUP_BAD;
	}
	*length = (size_t)got;
	enum startup_kind kind = startup_parse(data, *length, startup, why);
	if (kind == STARTUP_INCOMPLETE && !stream_keep(&session->client, data, *length)) {
		failure_set(why, FAILURE_NO_MEMORY);
		return STARTUP_BAD;
	}
	return kind;
}

/* Everything up to the startup packet, which is left in the scratch buffer. */
bool await_startup(struct session *session, struct startup *startup, struct failure *why,
		   int64_t deadline)
{
	size_t length;

	for (;;) {
		switch (read_startup(session, startup, &length, why)) {
		case STARTUP_INCOMPLETE:
			if (!await_more(session, why, deadline))
				return false;
			break;
		case STARTUP_BAD:
			return false;
		case STARTUP_SSL:
			if (!decline_encryption(session, startup, length, "SSL", why))
				return false;
			break;
		case STARTUP_GSS:
			if (!decline_encryption(session, startup, length, "GSSAPI encryption", why))
				return false;
			break;
		case STARTUP_CANCEL:
			return await_cancelled(session, startup, why);
		case STARTUP_SESSION:
			/* A client waits for the welcome; one that does not gets no good of it. */
			return length == startup->packet_length ||
			       failure_set(why, FAILURE_BAD_STARTUP, "data after the startup packet");
		}
	}
}
