#include "tests/bench/load/channel.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

/* PostgreSQL manual, "Message Formats": SSLRequest. */
static const char request[] = {0, 0, 0, 8, 4, (char)210, 22, 47};

static SSL_CTX *context; /* NULL: no TLS */
static SSL_SESSION *ticket;
static enum security wanted;
static unsigned resumed;

/* The newest ticket serves all; a server without early data takes it as often as it is shown. */
static int keep_ticket(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	if (wanted != SECURITY_RESUMED)
		return 0;
	SSL_SESSION_free(ticket);
	ticket = session;
	return 1;
}

void channel_secure(enum security security)
{
	wanted = security;
	if (security == SECURITY_NONE)
		return;
	context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(context,
				       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(context, keep_ticket);
}

const char *channel_library(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}

unsigned channel_resumed(void)
{
	return resumed;
}

void channel_begin(struct channel *channel, int fd)
{
	*channel = (struct channel){.fd = fd, .is_open = context == NULL};
}

#ifdef OPENSSL_IS_BORINGSSL
static bool show_ticket(SSL *ssl)
{
	return SSL_set_session(ssl, ticket) == 1;
}
#else
/* A copy: one that another connection has renewed is marked as used up, and so is what comes of it. */
static bool show_ticket(SSL *ssl)
{
	SSL_SESSION *session = SSL_SESSION_dup(ticket);
	bool shown = SSL_set_session(ssl, session) == 1;
	SSL_SESSION_free(session);
	return shown;
}
#endif

static bool begin_tls(struct channel *channel)
{
	channel->ssl = SSL_new(context);
	if (channel->ssl == NULL || SSL_set_fd(channel->ssl, channel->fd) != 1) {
		errno = ENOMEM;
		return false;
	}
	SSL_set_connect_state(channel->ssl);
	if (ticket == NULL)
		return true;
	return show_ticket(channel->ssl);
}

static bool shake_hands(struct channel *channel)
{
	ERR_clear_error();
	int result = SSL_do_handshake(channel->ssl);
	int error = SSL_get_error(channel->ssl, result);

	if (result == 1) {
		channel->is_open = true;
		resumed += SSL_session_reused(channel->ssl) == 1;
		return true;
	}
	errno = EPROTO;
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

bool channel_go_on(struct channel *channel)
{
	char answer;

	if (channel->is_open)
		return true;
	if (channel->ssl != NULL)
		return shake_hands(channel);
	if (!channel->has_asked) {
		ssize_t sent = send(channel->fd, request, sizeof(request), MSG_NOSIGNAL);
		if (sent != (ssize_t)sizeof(request))
			return sent < 0 && errno == EAGAIN; /* not connected yet */
		channel->has_asked = true;
	}
	ssize_t got = recv(channel->fd, &answer, 1, 0);
	if (got < 0)
		return errno == EAGAIN;
	errno = EPROTO;
	return got == 1 && answer == 'S' && begin_tls(channel) && shake_hands(channel);
}

bool channel_send(struct channel *channel, const void *data, size_t size)
{
	if (channel->ssl == NULL) {
		ssize_t sent = send(channel->fd, data, size, MSG_NOSIGNAL);
		if (sent >= 0 && (size_t)sent < size)
			errno = ENOBUFS;
		return sent == (ssize_t)size;
	}
	ERR_clear_error();
	errno = EPROTO;
	return SSL_write(channel->ssl, data, (int)size) == (int)size;
}

ssize_t channel_recv(struct channel *channel, void *buffer, size_t size)
{
	if (channel->ssl == NULL)
		return recv(channel->fd, buffer, size, 0);
	ERR_clear_error();
	int got = SSL_read(channel->ssl, buffer, (int)size);
	if (got > 0)
		return got;
	int error = SSL_get_error(channel->ssl, got);
	if (error == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = error == SSL_ERROR_WANT_READ ? EAGAIN : EPROTO;
	return -1;
}

void channel_close(struct channel *channel)
{
	/* Without a farewell, as libpq's clients leave; it only has to look proper to OpenSSL. */
	if (channel->ssl != NULL) {
		SSL_set_quiet_shutdown(channel->ssl, 1);
		SSL_shutdown(channel->ssl);
		SSL_free(channel->ssl);
	}
	close(channel->fd);
	*channel = (struct channel){.fd = -1};
}

void channel_release(void)
{
	SSL_SESSION_free(ticket);
	SSL_CTX_free(context);
}
