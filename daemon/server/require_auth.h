/*
 * libpq's require_auth, for logins that are made without libpq: by which methods a server may be logged
 * in to. A server that is not the right one may ask for the password in the clear, or for nothing at all.
 * Source: PostgreSQL manual, "Parameter Key Words", require_auth.
 */
#ifndef MILLPOND_SERVER_REQUIRE_AUTH_H
#define MILLPOND_SERVER_REQUIRE_AUTH_H

#include <stdbool.h>

/*
 * Whether the list, NULL if there is none, allows a method: password, md5, scram-sha-256, or none for a
 * server that lets in whoever comes. A list of methods with ! in front allows the others.
 */
bool require_auth_allows(const char *list, const char *method);

#endif
