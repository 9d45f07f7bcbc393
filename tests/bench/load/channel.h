#pragma once
/*
 * How bytes reach the pooler: a socket, or TLS over it, for which the pooler is asked first. With TLS the
 * certificate is not looked at, since it is the pooler's work that is measured.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ssl_st; /* OpenSSL's SSL */

enum security { SECURITY_NONE, SECURITY_FULL, SECURITY_RESUMED };

struct channel {
	int fd;		    /* nonblocking; -1: there is none */
	struct ssl_st *ssl; /* NULL: not yet, or never */
	bool has_asked;	    /* for TLS */
	bool is_open;
};

/* What all channels from now on are to be: with TLS 1.3, each by a handshake in full or by a ticket. */
void channel_secure(enum security security);

/* At the very end, when all are closed. */
void channel_release(void);

/* The name of the TLS library, and of some its version. */
const char *channel_library(void);

/* Handshakes that resumed a session, of all channels so far. */
unsigned channel_resumed(void);

/* Takes the socket over, which may be connecting yet. */
void channel_begin(struct channel *channel, int fd);

/*
 * Does what can be done until the channel is open; to be called at each event until then. True: it is
 * open, or will be after further events. False: errno, or EPROTO.
 */
bool channel_go_on(struct channel *channel);

/* As send() and recv(). A short send is a failure: what is sent here always fits. */
bool channel_send(struct channel *channel, const void *data, size_t size);
ssize_t channel_recv(struct channel *channel, void *buffer, size_t size);

void channel_close(struct channel *channel);
