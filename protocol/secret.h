/*
 * The secrets of users, in the forms in which auth_file and pg_authid hold them: the password itself,
 * "md5" and 32 hexadecimal digits, or a SCRAM secret; and the checks against what a client sends.
 * Source: PostgreSQL manual, "pg_authid" and "Message Flow" (AuthenticationMD5Password).
 */
#ifndef MILLPOND_PROTOCOL_SECRET_H
#define MILLPOND_PROTOCOL_SECRET_H

#include <stdbool.h>
#include <stddef.h>

enum secret_kind {
	SECRET_NONE,
	SECRET_PLAIN,
	SECRET_MD5,
	SECRET_SCRAM,
	SECRET_BROKEN, /* begins like one of SCRAM, and is none: no password, and nobody's proof fits it */
};

/* "md5", 32 digits and a zero. */
#define MD5_TEXT_BYTES ((size_t)36)
#define MD5_SALT_BYTES ((size_t)4)

/* What a stored text is; NULL and "" are SECRET_NONE: there is no password. */
enum secret_kind secret_kind(const char *stored);

/* "md5" + md5(password + user), as pg_authid has it. False when OpenSSL has no md5 (FIPS). */
bool md5_secret(const char *password, const char *user, char text[MD5_TEXT_BYTES]);

/* What is sent for such a secret and the four bytes of salt. */
bool md5_response(const char *secret, const unsigned char salt[MD5_SALT_BYTES],
		  char text[MD5_TEXT_BYTES]);

/*
 * Whether the password is the one of the stored text, of any kind. With a SCRAM secret this takes
 * milliseconds. `stored` may be NULL.
 */
bool secret_has_password(const char *stored, const char *user, const char *password);

/* Whether the answer to AuthenticationMD5Password is right, for a plain or md5 text. */
bool secret_has_md5_response(const char *stored, const char *user,
			     const unsigned char salt[MD5_SALT_BYTES], const char *response);

#endif
