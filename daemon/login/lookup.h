/*
 * What is known of a user who wants to log in: whether there is one of that name, and its secret;
 * from auth_file, or else from auth_query.
 */
#ifndef MILLPOND_LOGIN_LOOKUP_H
#define MILLPOND_LOGIN_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "daemon/login/auth_cache.h"
#include "protocol/failure.h"

struct session;
struct worker;

/* Looks session->user_name up. False: it cannot be found out, and `why` says so. Release it anyway. */
bool await_user_record(struct session *session, struct user_record *record, struct failure *why,
		       int64_t deadline);

/* The client has gone, or is about to: it does not need any more what has been looked up. */
void lookup_leave(struct session *session);

/* Its user has not proved what is known of it, which may not be so any more: the next one asks anew. */
void lookup_doubt(const struct session *session);

/* Whether users can be looked up anywhere, for the clients of that session's database. */
bool lookup_has_source(const struct session *session);

/* Whether users that are not in auth_file are asked about in a database. */
bool lookup_is_by_query(const struct session *session);

/* The secret of a user for logging in to a database's server, to be freed, or NULL. */
char *lookup_secret(struct worker *worker, const struct settings *settings,
		    const struct database *database, const char *name, const char *user);

#endif
