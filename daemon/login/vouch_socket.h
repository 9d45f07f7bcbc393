/*
 * What libldap reads and writes through, so that no directory can keep a helper thread: libldap waits until
 * something has come, and then for as long as it takes until the rest of it is there, half a message or half
 * a handshake.
 */
#ifndef MILLPOND_LOGIN_VOUCH_SOCKET_H
#define MILLPOND_LOGIN_VOUCH_SOCKET_H

#include <ldap.h>
#include <stdbool.h>
#include <stdint.h>

/* To stay where it is until the LDAP is unbound. */
struct vouch_socket {
	struct ldap_conncb callbacks;
	int64_t most_us;  /* for one read or write */
	int64_t deadline; /* of all */
};

/* In front of the first question. What takes longer, or goes on `until` then, fails like a connection that was lost. */
bool vouch_socket_bound(struct vouch_socket *socket, LDAP *ldap, int64_t most_us, int64_t until);

#endif
