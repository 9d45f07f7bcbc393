#include "daemon/server/server_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/runtime/certificate.h"
#include "daemon/runtime/stream.h"
#include "daemon/runtime/tls.h"
#include "daemon/server/server_tls_context.h"
#include "daemon/tls_context.h"
#include "protocol/message.h"
#include "protocol/startup.h"

static bool fail(struct failure *why, const char *text)
{
	return failure_set(why, FAILURE_CONNECT_FAILED, text);
}

/* The socket's own failures. */
static bool connection_failed(struct failure *why)
{
	switch (errno) {
	case ETIMEDOUT:
		return failure_set(why, FAILURE_CONNECT_TIMEOUT);
	case ECANCELED:
		return failure_set(why, FAILURE_SERVER_SHUTTING_DOWN);
	default:
		return failure_set(why, FAILURE_SERVER_GONE);
	}
}

/*
 * The server's one letter. Not a byte more is read: what somebody has put behind it in the clear
 * would have to be a handshake.
 */
static bool await_answer(struct stream *stream, char *answer, struct failure *why,
			 int64_t deadline)
{
	char *data;
	ssize_t got;

	if (!stream_send(stream, startup_ssl_request, sizeof startup_ssl_request))
		return connection_failed(why);
	while ((got = stream_read_some(stream, &data, 1)) < 0 && errno == EAGAIN)
		if (!await_readable(stream, deadline))
			return connection_failed(why);
	if (got != 1)
		return connection_failed(why);
	*answer = data[0];
	return true;
}

static bool ask_for_name(SSL *ssl, const char *host)
{
	bool numeric = host[strspn(host, "0123456789.")] == '\0' || strchr(host, ':') != NULL;

	return numeric || SSL_set_tlsext_host_name(ssl, host) == 1;
}

static SSL *ssl_new(SSL_CTX *context, const char *host)
{
	SSL *ssl = SSL_new(context);

	if (ssl != NULL && ask_for_name(ssl, host))
		return ssl;
	SSL_free(ssl);
	return NULL;
}

/* --- the handshake ------------------------------------------------------------------------ */

static void end_ssl(void *ssl)
{
	ERR_clear_error();
	/* Writing would go on with a handshake, which may have no end. */
	if (SSL_is_init_finished(ssl) &&
	    SSL_write(ssl, message_terminate, sizeof message_terminate) > 0)
		SSL_shutdown(ssl);
	SSL_free(ssl);
	ERR_clear_error();
}

/* OpenSSL verifies what is shown, and there are ciphers with which nothing is. */
static bool is_trusted(const struct direct *direct, struct failure *why)
{
	char text[sizeof direct->host + 80];

	if (SSL_get_verify_mode(direct->ssl) == SSL_VERIFY_NONE)
		return true;
	if (!certificate_is_good(direct->ssl))
		return fail(why, "SSL error: certificate could not be obtained");
	if (!direct->checks_host)
		return true;
	if (!direct->has_name)
		return fail(why, "host name must be specified for a verified SSL connection");
	if (certificate_is_for_host(direct->ssl, direct->host))
		return true;
	snprintf(text, sizeof text, "server certificate does not match host name \"%s\"",
		 direct->host);
	return fail(why, text);
}

/*
 * A server of something else could be led to take what we say for its own (RFC 9325, section 3.7). Texts as libpq
 * has them.
 */
static bool means_postgresql(const struct direct *direct, struct failure *why)
{
	static const char ours[] = ALPN_POSTGRESQL;
	const unsigned char *name;
	unsigned length;

	if (!direct->begins_tls)
		return true;
	SSL_get0_alpn_selected(direct->ssl, &name, &length);
	if (length == 0)
		return fail(why, "direct SSL connection was established without ALPN protocol "
				 "negotiation extension");
	return (length == (unsigned char)ours[0] && memcmp(name, ours + 1, length) == 0) ||
	       fail(why, "SSL connection was established with unexpected ALPN protocol");
}

/* Whether that is the server that was meant. */
static bool is_right_server(const struct direct *direct, struct failure *why)
{
	return means_postgresql(direct, why) && is_trusted(direct, why);
}

/* --- another handshake, for a cancel request ----------------------------------------------- */

static void *again(const struct direct *direct)
{
	return ssl_new(SSL_get_SSL_CTX(direct->ssl), direct->host);
}

/* A process that is stopped and continued is interrupted in a socket with a time-out. OpenSSL leaves errno alone. */
static bool is_agreed(int fd)
{
	char answer;

	return send(fd, startup_ssl_request, sizeof startup_ssl_request, MSG_NOSIGNAL) ==
		       sizeof startup_ssl_request &&
	       TEMP_FAILURE_RETRY(recv(fd, &answer, 1, 0)) == 1 && answer == 'S';
}

/* A time-out of the socket leaves it wanting more. */
static bool hangs_up(SSL *ssl)
{
	char byte;
	int got = (int)TEMP_FAILURE_RETRY(SSL_read(ssl, &byte, 1));

	return got <= 0 && SSL_get_error(ssl, got) != SSL_ERROR_WANT_READ;
}

/* In a helper thread. */
static bool ask(const struct direct *direct, int fd, const char *request, size_t length, char *error,
		size_t error_size)
{
	SSL *ssl = direct->ssl;
	struct failure why;

	ERR_clear_error();
	fail(&why, "no TLS, or no answer");
	bool done = (direct->begins_tls || is_agreed(fd)) && SSL_set_fd(ssl, fd) == 1 &&
		    TEMP_FAILURE_RETRY(SSL_connect(ssl)) == 1 && is_right_server(direct, &why) &&
		    SSL_write(ssl, request, (int)length) > 0 && hangs_up(ssl);
	const char *reason = ERR_reason_error_string(ERR_peek_error());
	if (!done)
		snprintf(error, error_size, "%s", reason != NULL ? reason : why.message);
	ERR_clear_error();
	SSL_set_bio(ssl, NULL, NULL); /* whoever ends it has nothing more to say */
	return done;
}

static const struct direct_tls direct_tls = {.end = end_ssl, .again = again, .ask = ask};

/* --- the handshake of a login ------------------------------------------------------------- */

/* When the server asks for a certificate. OpenSSL shows the one that it was given, if any. */
static int note_asked(SSL *ssl, void *arg)
{
	struct direct *direct = arg;

	direct->was_asked_to_show = true;
	direct->has_shown = SSL_get_certificate(ssl) != NULL;
	return 1;
}

static bool await_handshake(struct direct *direct, struct stream *stream,
			    const struct conninfo *conninfo, enum tls_mode mode,
			    struct failure *why, int64_t deadline)
{
	char text[160] = "SSL error: ";
	size_t length = strlen(text);

	ERR_clear_error();
	SSL_CTX *context = server_tls_context(conninfo, mode, why);
	SSL *ssl = context != NULL ? ssl_new(context, direct->host) : NULL;
	SSL_CTX_free(context);
	ERR_clear_error();
	if (ssl == NULL)
		return false;
	direct->ssl = ssl;
	direct->tls = &direct_tls;
	direct->begins_tls = server_tls_begins(conninfo);
	direct->checks_host = mode == TLS_VERIFY_FULL;
	SSL_set_cert_cb(ssl, note_asked, direct);
	if (await_tls_connect(stream, ssl, deadline))
		return is_right_server(direct, why);
	if (errno != EPROTO)
		return connection_failed(why);
	tls_error(stream, text + length, sizeof text - length);
	return fail(why, text);
}

bool await_server_tls(struct direct *direct, struct stream *stream,
		      const struct conninfo *conninfo, enum tls_mode mode, struct failure *why,
		      int64_t deadline)
{
	char answer = 'S';

	if (direct->address.ss_family == AF_UNIX || mode < TLS_PREFER)
		return true;
	if (!server_tls_begins(conninfo) && !await_answer(stream, &answer, why, deadline))
		return false;
	if (answer == 'S')
		return await_handshake(direct, stream, conninfo, mode, why, deadline);
	if (answer != 'N')
		return fail(why, "received invalid response to SSL negotiation");
	return mode == TLS_PREFER ||
	       fail(why, "server does not support SSL, but SSL was required");
}
