/*
 * auth_query: users that are not in auth_file are asked about in the database itself, as auth_user,
 * through a pool that no client ever gets a server of. Nothing that a client has sent reaches those
 * servers but the user's name, as a parameter.
 */
#ifndef MILLPOND_LOGIN_AUTH_QUERY_H
#define MILLPOND_LOGIN_AUTH_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/settings.h"
#include "daemon/login/auth_cache.h"
#include "protocol/failure.h"

struct session;

/* Who is asked, about the clients of a database; all NULL: nobody. */
struct auth_source {
	const char *user;
	const char *query;
	const char *database_name;
};

/* `database` is NULL for the console and for a name that is no database; `name` is what was asked. */
struct auth_source auth_source_find(const struct settings *settings,
				    const struct database *database, const char *name);

/* Under what name answers are remembered: who asks with another query, or as another user, has others.
 * To be freed; NULL without memory. */
char *auth_source_key(const struct auth_source *source);

/* Since when an answer has to have been asked for to be believed; 0: none is. */
int64_t auth_query_fresh_since(const struct settings *settings);

/* Asks about session->user_name. False: `why` says so. */
bool await_auth_query(struct session *session, const struct settings *settings,
		      const struct auth_source *source, struct user_record *record,
		      struct failure *why, int64_t deadline);

#endif
