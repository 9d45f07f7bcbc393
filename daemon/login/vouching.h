/*
 * A password of which somebody else says whether it is right: what the helper threads that ask have
 * and answer. It is on the heap and wholly its own, so that it can outlive the session.
 */
#ifndef MILLPOND_LOGIN_VOUCHING_H
#define MILLPOND_LOGIN_VOUCHING_H

#include <stdbool.h>
#include <stdint.h>

struct directory;
struct settings;

struct vouching {
	struct settings *settings; /* held, for what the next two belong to */
	const struct directory *directory;
	const char *service; /* of PAM */
	char *user;
	char *password;
	char *host;	  /* where the client is */
	int64_t deadline; /* no question may take longer, as far as that can be helped */

	bool is_right;
	int64_t delay_us;     /* to be waited before a refusal is told */
	char reason[256];     /* for the log, why not; "" for none */
};

/* Fills in the answer. In helper threads: they block. */
void vouch_by_pam(void *vouching);
void vouch_by_ldap(void *vouching);

#endif
