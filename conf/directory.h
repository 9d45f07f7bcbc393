/*
 * How a password is checked by LDAP: what the options of an HBA line with the method ldap, or those of
 * auth_ldap_options, say; and what a user's name becomes in it. Knows nothing of the library.
 * Source: PostgreSQL manual, "LDAP Authentication"; RFC 4514, RFC 4515, RFC 4516.
 */
#ifndef MILLPOND_CONF_DIRECTORY_H
#define MILLPOND_CONF_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

struct hba_option;

enum directory_scope { DIRECTORY_BASE, DIRECTORY_ONE, DIRECTORY_SUBTREE };

struct directory {
	char *addresses; /* URLs of one server or more, with blanks between them */
	bool starts_tls; /* in the same connection, before anything else is said */
	char *prefix;	 /* around the name it makes what is bound as ... */
	char *suffix;
	char *base_dn; /* ... or, if not NULL, that is searched for below this, */
	char *bind_dn; /* as this one; empty: as nobody */
	char *bind_password;
	char *attribute; /* with the name as that attribute, */
	char *filter;	 /* or, if not NULL, by this with $username in it */
	enum directory_scope scope;
};

/* Room for a sentence about what is wrong. */
enum { DIRECTORY_WHY_BYTES = 400 };

/* The names of all options, by number; NULL behind the last. */
const char *directory_option_at(size_t index);

/* What the options say, to be freed; NULL: they cannot be used, and `why` says so. Others than those of
 * directory_option_at() are passed over. */
struct directory *directory_make(const struct hba_option *options, size_t count,
				 char why[DIRECTORY_WHY_BYTES]);

/* Wipes the password. NULL is none. */
void directory_free(struct directory *directory);

/*
 * What the server is told of a user, to be freed: whom to bind as (without a base_dn), and what to
 * search for. Whatever the name holds, it stays one value in them.
 */
char *directory_bind_name(const struct directory *directory, const char *user);
char *directory_filter(const struct directory *directory, const char *user);

#endif
