#include "daemon/login/greeting.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>

#include "daemon/cancel.h"
#include "daemon/login/client_tls.h"
#include "daemon/runtime/stream.h"
#include "daemon/runtime/tls.h"
#include "daemon/session.h"
#include "daemon/worker.h"

/* Longer than any packet that is taken. A handshake may have to wait with what was read of it. */
#define READ_AT_ONCE ((size_t)16 * 1024)

/* The type of a handshake's records, which no length of a packet begins with (RFC 8446, 5.1). */
#define TLS_HANDSHAKE_RECORD 0x16

bool await_more(struct session *session, struct failure *why, int64_t deadline)
{
	/* Another wait may have taken the news of that. */
	if (session->killed != FAILURE_NONE)
		return failure_set(why, session->killed);
	if (await_readable(&session->client, deadline))
		return true;
	if (errno == ETIMEDOUT)
		return failure_set(why, FAILURE_LOGIN_TIMEOUT);
	return failure_set(why, session_end_reason(session, FAILURE_NO_MEMORY));
}

/* Whatever was sent along with the question came from somebody else (CVE-2021-23214). */
static bool answer_encryption(struct session *session, const struct startup *startup, size_t length,
			      const char *kind, const char *answer, struct failure *why)
{
	if (length > startup->packet_length)
		return failure_set(why, FAILURE_UNENCRYPTED_DATA, kind);
	return stream_send(&session->client, answer, 1) ||
	       failure_set(why, FAILURE_CLIENT_SEND_FAILED, strerror(errno));
}

/* A Unix socket does not leave the machine, so TLS is not offered there. */
static struct ssl_ctx_st *tls_context(const struct session *session)
{
	return session->peer.family == AF_UNIX ? NULL :
						 client_tls_context(session->worker->settings);
}

static bool tls_failed(struct session *session, struct failure *why)
{
	char reason[128];

	switch (errno) {
	case ETIMEDOUT:
		failure_set(why, FAILURE_LOGIN_TIMEOUT);
		break;
	case ECANCELED:
		failure_set(why, session->killed);
		break;
	case ECONNRESET:
	case EPIPE:
		return failure_set(why, FAILURE_CLIENT_GONE);
	case EPROTO:
		tls_error(&session->client, reason, sizeof reason);
		failure_set(why, FAILURE_TLS_FAILED, reason);
		break;
	default:
		failure_set(why, FAILURE_TLS_FAILED, strerror(errno));
	}
	/* By an alert; nothing else would be understood. */
	why->told = true;
	return false;
}

static bool await_tls(struct session *session, const char *data, size_t length,
		      struct failure *why, int64_t deadline)
{
	return await_tls_accept(&session->client, tls_context(session), data, length, deadline) ||
	       tls_failed(session, why);
}

/*
 * Without a request in the clear, the handshake alone must say that it is meant for PostgreSQL, or
 * some other protocol's could be led here (PostgreSQL manual, "SSL Session Encryption").
 */
static bool await_direct_tls(struct session *session, const char *data, size_t length,
			     struct failure *why, int64_t deadline)
{
	const unsigned char *protocol;
	unsigned protocol_length;

	if (!await_tls(session, data, length, why, deadline))
		return false;
	SSL_get0_alpn_selected(tls_ssl(&session->client), &protocol, &protocol_length);
	return protocol_length > 0 || failure_set(why, FAILURE_TLS_WITHOUT_ALPN);
}

static bool await_requested_tls(struct session *session, const struct startup *startup,
				size_t length, struct failure *why, int64_t deadline)
{
	if (session->client.tls != NULL)
		return failure_set(why, FAILURE_TLS_TWICE);
	if (tls_context(session) == NULL)
		return answer_encryption(session, startup, length, "SSL", "N", why);
	return answer_encryption(session, startup, length, "SSL", "S", why) &&
	       await_tls(session, NULL, 0, why, deadline);
}

/* Cancel requests are exempt, since most clients can send them only in the clear. */
static bool is_encrypted_enough(const struct session *session, struct failure *why)
{
	return session->client.tls != NULL || session->peer.family == AF_UNIX ||
	       session->worker->settings->client_tls_sslmode < TLS_REQUIRE ||
	       failure_set(why, FAILURE_TLS_REQUIRED);
}

static bool await_cancelled(struct session *session, const struct startup *startup,
			    struct failure *why)
{
	unsigned char key[CANCEL_KEY_BYTES];

	memcpy(key, startup->cancel_key, sizeof key);
	session_uncount(session);
	return failure_set(why, await_cancel_request(session, key) ? FAILURE_CLIENT_SAID_GOODBYE :
								     FAILURE_CANCEL_WAIT_TIMEOUT);
}

/* Whether these are the first bytes of a handshake instead of a packet. */
static bool is_direct_tls(const struct session *session, const char *data)
{
	return data[0] == TLS_HANDSHAKE_RECORD && session->client.tls == NULL &&
	       tls_context(session) != NULL;
}

/* One read; the answer is STARTUP_INCOMPLETE as long as there is more to come. */
static enum startup_kind await_packet(struct session *session, struct startup *startup,
				      size_t *length, struct failure *why, int64_t deadline)
{
	char *data;
	bool has_begun = stream_held_bytes(&session->client) > 0;
	ssize_t got = stream_read_some(&session->client, &data, READ_AT_ONCE);

	if (got < 0 && errno == EAGAIN)
		return STARTUP_INCOMPLETE;
	if (got <= 0) {
		failure_set(why, has_begun ? FAILURE_CLIENT_GONE : FAILURE_CLIENT_SAID_NOTHING);
		return STARTUP_BAD;
	}
	*length = (size_t)got;
	if (is_direct_tls(session, data))
		return await_direct_tls(session, data, *length, why, deadline) ? STARTUP_INCOMPLETE :
										 STARTUP_BAD;
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
		switch (await_packet(session, startup, &length, why, deadline)) {
		case STARTUP_INCOMPLETE:
			if (!await_more(session, why, deadline))
				return false;
			break;
		case STARTUP_BAD:
			return false;
		case STARTUP_SSL:
			if (!await_requested_tls(session, startup, length, why, deadline))
				return false;
			break;
		case STARTUP_GSS:
			if (!answer_encryption(session, startup, length, "GSSAPI encryption", "N",
					       why))
				return false;
			break;
		case STARTUP_CANCEL:
			return await_cancelled(session, startup, why);
		case STARTUP_SESSION:
			/* A client waits for the welcome; one that does not gets no good of it. */
			if (length != startup->packet_length)
				return failure_set(why, FAILURE_BAD_STARTUP,
						   "data after the startup packet");
			return is_encrypted_enough(session, why);
		}
	}
}
