/*
 * How many clients each database and each user has, over all workers, and whether one more may come
 * (max_db_client_connections, max_user_client_connections). One per process. The count of a name is
 * kept as long as it is not 0. Databases that are closed to new clients (DISABLE) are known here, too.
 * Each function takes the lock for as long as it takes to look one up.
 */
#ifndef MILLPOND_LOGIN_QUOTA_H
#define MILLPOND_LOGIN_QUOTA_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "protocol/failure.h"
#include "protocol/hash_table.h"

struct session;
struct settings;

enum quota_kind { QUOTA_DATABASE, QUOTA_USER, QUOTA_DISABLED };

struct quotas {
	pthread_mutex_t lock;
	struct hash_table table;
};

void quotas_init(struct quotas *quotas);
void quotas_release(struct quotas *quotas);

/* How many clients the name has now. */
size_t quota_count(struct quotas *quotas, enum quota_kind kind, const char *name);

/*
 * Calls `note` for each name that has clients now, with the lock held. Those of users who have logged in
 * and left are not among them.
 */
void quota_each(struct quotas *quotas, enum quota_kind kind,
		void (*note)(void *context, const char *name), void *context);

/*
 * Counts a client that has proved who it is, for its database and its user. False: one of them has
 * as many as it may have, `why` says so, and nothing is counted. Admins on the console are counted,
 * but not limited.
 */
bool quota_enter(struct session *session, struct failure *why);

/* Closes a database to new clients, or opens it again. False without memory. */
bool quota_set_disabled(struct quotas *quotas, const char *database_name, bool is_disabled);
bool quota_is_disabled(struct quotas *quotas, const char *database_name);

/* Those that the settings do not have, not even by "*", are open when they come back. */
void quota_enable_removed(struct quotas *quotas, const struct settings *settings);

/* Takes back what quota_enter() has counted, if it has. */
void quota_leave(struct session *session);

#endif
