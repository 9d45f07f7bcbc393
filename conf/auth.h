/*
 * The ways in which a client can prove who it is: the values of auth_type, and the methods of the
 * lines in auth_hba_file.
 */
#ifndef MILLPOND_CONF_AUTH_H
#define MILLPOND_CONF_AUTH_H

enum auth_method {
	AUTH_TRUST,
	AUTH_ANY,   /* auth_type only */
	AUTH_PLAIN, /* "plain" as an auth_type, "password" in a line */
	AUTH_MD5,
	AUTH_SCRAM,
	AUTH_CERT,
	AUTH_PAM,
	AUTH_LDAP,
	AUTH_HBA,    /* auth_type only: the line that fits names another */
	AUTH_PEER,   /* lines only, as is the next */
	AUTH_REJECT,
};

#endif
