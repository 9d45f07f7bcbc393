/*
 * What auth_query has answered about users, shared by all workers: so that many clients of one user
 * who come at the same time cause one query, and so that the pooler can log in to servers as that
 * user. `source` is the auth_source_key() of who is asked. Its lock is held for look-ups only.
 *
 * A secret stays as long as the clients are there that were judged by it, or others may still be; then it is wiped.
 * `fresh_since` is of when an answer has to be to be believed; 0: none is.
 */
#ifndef MILLPOND_LOGIN_AUTH_CACHE_H
#define MILLPOND_LOGIN_AUTH_CACHE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/age_list.h"
#include "protocol/failure.h"
#include "protocol/hash_table.h"

struct auth_cache_entry;
struct loop;

/* Beyond so many users the oldest is forgotten of those without clients. */
#define AUTH_CACHE_MOST ((size_t)10000)

struct auth_cache {
	pthread_mutex_t lock;
	struct hash_table table;
	struct age_list at_rest;
	struct auth_cache_entry *oldest_unwiped; /* none older has a secret */
	bool saw_scram;		  /* a secret of SCRAM has come */
	int64_t expired_at; /* what was asked before is not believed any more; 0: never yet */
};

/* An answer: a copy, to be released by whoever has it. */
struct user_record {
	bool is_known;
	char *secret; /* NULL: no password */
	struct auth_cache_entry *entry; /* where the secret is from: to be left; NULL: none */
};

/* Wipes the secret. */
void user_record_release(struct user_record *record);

void auth_cache_init(struct auth_cache *cache);
void auth_cache_release(struct auth_cache *cache);

enum auth_turn {
	AUTH_TURN_ANSWERED, /* the record is filled in */
	AUTH_TURN_FAILED, /* somebody else's query for it failed, or the wait did: `why` says so */
	AUTH_TURN_YOURS, /* ask the server, and end with auth_cache_answer() or auth_cache_fail() */
};

/*
 * Finds out whose turn it is to ask a source about a user, and waits if somebody else asks just
 * now. An answer to what was asked at or after `fresh_since` counts as well, unless it has expired.
 */
enum auth_turn await_auth_turn(struct auth_cache *cache, struct loop *loop, const char *source,
			       const char *user, int64_t fresh_since, struct user_record *record,
			       struct failure *why, int64_t deadline);

/*
 * Tell all that wait. `why` is NULL when the reason is the asker's alone: then another one asks. The first answers whether
 * the user has another secret than was known before, or one that was missed; the record gets its entry.
 */
bool auth_cache_answer(struct auth_cache *cache, const char *source, const char *user,
		       struct user_record *record);
void auth_cache_fail(struct auth_cache *cache, const char *source, const char *user,
		     const struct failure *why);

/* A client has gone that has its secret from there. */
void auth_cache_leave(struct auth_cache *cache, struct auth_cache_entry *entry,
		      int64_t fresh_since);

/* To be called now and then: wipes secrets that are not believed any more. */
void auth_cache_wipe_stale(struct auth_cache *cache, int64_t fresh_since);

/* No answer counts to what has been asked until now: about anybody, or of one source about one user. */
void auth_cache_expire(struct auth_cache *cache);
void auth_cache_doubt(struct auth_cache *cache, const char *source, const char *user);

/* The secret last seen of a user, to be wiped, or NULL. */
char *auth_cache_copy_secret(struct auth_cache *cache, const char *source, const char *user);

/* Calls `each` for all users whose secret is known, under the lock. */
void auth_cache_each_secret(struct auth_cache *cache,
			    void (*each)(const char *user, const char *secret, void *arg),
			    void *arg);

/* Whether any of the secrets that came was one of SCRAM. */
bool auth_cache_saw_scram(struct auth_cache *cache);

#endif
