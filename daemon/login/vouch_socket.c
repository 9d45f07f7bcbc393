#include "daemon/login/vouch_socket.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "daemon/runtime/loop.h"

/* --- in place of libldap's own reads and writes ------------------------------------------- */

static int fd_of(Sockbuf_IO_Desc *layer)
{
	ber_socket_t fd = -1;

	ber_sockbuf_ctrl(layer->sbiod_sb, LBER_SB_OPT_GET_FD, &fd);
	return (int)fd;
}

/* False with errno, which must not be EAGAIN, or it would be tried again. */
static bool is_ready(Sockbuf_IO_Desc *layer, int fd, short what)
{
	const struct vouch_socket *socket = layer->sbiod_pvt;
	int64_t until = loop_now() + socket->most_us;
	struct pollfd poller = {.fd = fd, .events = what};
	int count;

	if (until > socket->deadline)
		until = socket->deadline;
	do {
		int64_t left = until - loop_now();
		count = poll(&poller, 1, left > 0 ? (int)(left / 1000) + 1 : 0);
	} while (count < 0 && errno == EINTR);
	if (count == 0)
		errno = ETIMEDOUT;
	return count > 0;
}

static ber_slen_t read_some(Sockbuf_IO_Desc *layer, void *buffer, ber_len_t length)
{
	int fd = fd_of(layer);

	return is_ready(layer, fd, POLLIN) ? recv(fd, buffer, length, MSG_DONTWAIT) : -1;
}

static ber_slen_t write_some(Sockbuf_IO_Desc *layer, void *data, ber_len_t length)
{
	int fd = fd_of(layer);

	return is_ready(layer, fd, POLLOUT) ? send(fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL) :
					      -1;
}

static int set_up(Sockbuf_IO_Desc *layer, void *socket)
{
	layer->sbiod_pvt = socket;
	return 0;
}

static int control(Sockbuf_IO_Desc *layer, int option, void *arg)
{
	return LBER_SBIOD_CTRL_NEXT(layer, option, arg);
}

/* --- connections -------------------------------------------------------------------------- */

static int connected(LDAP *ldap, Sockbuf *sockbuf, LDAPURLDesc *server, struct sockaddr *address,
		     struct ldap_conncb *callbacks)
{
	static Sockbuf_IO bounded = {
		.sbi_setup = set_up,
		.sbi_ctrl = control,
		.sbi_read = read_some,
		.sbi_write = write_some,
	};

	(void)ldap;
	(void)server;
	(void)address;
	/* Above libldap's own, which may come later, and below TLS. */
	return ber_sockbuf_add_io(sockbuf, &bounded, LBER_SBIOD_LEVEL_PROVIDER + 1,
				  callbacks->lc_arg);
}

static void ends(LDAP *ldap, Sockbuf *sockbuf, struct ldap_conncb *callbacks)
{
	(void)ldap;
	(void)sockbuf;
	(void)callbacks;
}

bool vouch_socket_bound(struct vouch_socket *socket, LDAP *ldap, int64_t most_us, int64_t until)
{
	*socket = (struct vouch_socket){
		.callbacks = {.lc_add = connected, .lc_del = ends, .lc_arg = socket},
		.most_us = most_us,
		.deadline = until,
	};
	return ldap_set_option(ldap, LDAP_OPT_CONNECT_CB, &socket->callbacks) == LDAP_SUCCESS;
}
