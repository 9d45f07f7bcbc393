/*
 * Logins to servers that are tried anew, whatever has failed before: something has become known since that may open them.
 */
#ifndef MILLPOND_POOL_ANEW_H
#define MILLPOND_POOL_ANEW_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/failure.h"
#include "protocol/scram.h"

struct pool;
struct pools;
struct server;

/*
 * A secret of that user is known that was not before: his pools do not wait with what failed for want of it,
 * unless that has been so several times within a second.
 */
void pools_know_more(struct pools *pools, const char *user_name, int64_t now);

/* The same of a ClientKey, which is named by its StoredKey, and all pools that need it: users may have the same. */
void pools_know_key(struct pools *pools, const unsigned char stored_key[SCRAM_KEY_BYTES],
		    int64_t now);

/* A login of the pool needs that key. Whether it is known has to be asked afterwards. */
void pool_needs_key(struct pool *pool, const unsigned char stored_key[SCRAM_KEY_BYTES]);

/* The same of the password of a client that joins the pool, unless it was the one that failed. Under the lock. */
void pool_knows_password(struct pool *pool, const char *password, int64_t now);

/* A login begins, with the password that the pool has. Under the lock. */
void server_note_password(struct server *server);

/* Whether a login has failed for want of what has become known only after it had begun. Under the lock. */
bool server_knew_less(const struct server *server, const struct failure *why);

#endif
