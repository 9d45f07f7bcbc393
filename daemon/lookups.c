#include "daemon/lookups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/array.h"
#include "conf/memory.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/future.h"
#include "daemon/runtime/loop.h"
#include "protocol/hash.h"
#include "protocol/secret.h"

/* A coroutine that waits for somebody else's query. On its own stack. */
struct waiter {
	struct future told;
	struct waiter *next;
	enum lookup_turn turn; /* LOOKUP_YOURS: try again */
	struct user_record record;
	struct failure why;
	bool is_listed; /* with its lookup, which then is asked about; under the lock */
};

struct lookup {
	struct hash_link link; /* by the two names */
	struct lookup *newer;
	struct lookup *older;
	char *database_name;
	char *user;
	bool is_asked; /* a query is under way */
	int64_t asked_at;    /* when the last query began */
	int64_t known_since; /* when the one began that was answered; 0: its answer is not believed any more */
	struct user_record record;
	struct waiter *waiters;
};

void user_record_release(struct user_record *record)
{
	text_wipe(record->secret);
	*record = (struct user_record){0};
}

static bool copy_record(struct user_record *copy, const struct user_record *record)
{
	*copy = (struct user_record){.is_known = record->is_known};
	if (record->secret != NULL)
		copy->secret = strdup(record->secret);
	return record->secret == NULL || copy->secret != NULL;
}

void lookups_init(struct lookups *lookups)
{
	*lookups = (struct lookups){0};
	pthread_mutex_init(&lookups->lock, NULL);
}

/* --- the table, under the lock ------------------------------------------------------------ */

static uint32_t hash_of(const char *database_name, const char *user)
{
	uint32_t hash = hash_bytes(HASH_START, database_name, strlen(database_name) + 1);

	return hash_bytes(hash, user, strlen(user));
}

static struct lookup *find(const struct lookups *lookups, const char *database_name,
			   const char *user)
{
	struct lookup *lookup = hash_table_find(&lookups->table, hash_of(database_name, user));

	while (lookup != NULL && (strcmp(lookup->user, user) != 0 ||
				  strcmp(lookup->database_name, database_name) != 0))
		lookup = hash_table_find_next(&lookup->link);
	return lookup;
}

static void lookup_free(struct lookup *lookup)
{
	user_record_release(&lookup->record);
	free(lookup->database_name);
	free(lookup->user);
	free(lookup);
}

static void forget(struct lookups *lookups, struct lookup *lookup)
{
	hash_table_remove(&lookups->table, &lookup->link);
	*(lookup->older != NULL ? &lookup->older->newer : &lookups->oldest) = lookup->newer;
	*(lookup->newer != NULL ? &lookup->newer->older : &lookups->newest) = lookup->older;
	lookup_free(lookup);
}

/* Of those that are in nobody's hands. */
static void forget_oldest(struct lookups *lookups)
{
	struct lookup *lookup = lookups->oldest;

	while (lookup != NULL && lookup->is_asked)
		lookup = lookup->newer;
	if (lookup != NULL)
		forget(lookups, lookup);
}

static struct lookup *add(struct lookups *lookups, const char *database_name, const char *user)
{
	struct lookup *lookup = calloc(1, sizeof *lookup);

	if (lookup == NULL)
		return NULL;
	lookup->database_name = strdup(database_name);
	lookup->user = strdup(user);
	if (lookup->database_name == NULL || lookup->user == NULL) {
		lookup_free(lookup);
		return NULL;
	}
	hash_table_add(&lookups->table, &lookup->link, hash_of(database_name, user));
	lookup->older = lookups->newest;
	*(lookups->newest != NULL ? &lookups->newest->newer : &lookups->oldest) = lookup;
	lookups->newest = lookup;
	return lookup;
}

void lookups_release(struct lookups *lookups)
{
	while (lookups->oldest != NULL)
		forget(lookups, lookups->oldest);
	hash_table_release(&lookups->table);
	pthread_mutex_destroy(&lookups->lock);
}

/* --- waiting ------------------------------------------------------------------------------ */

/* The waiter is not touched any more once it has been posted. */
static void tell_waiters(struct lookup *lookup, const struct failure *why, bool again)
{
	while (lookup->waiters != NULL) {
		struct waiter *waiter = lookup->waiters;
		lookup->waiters = waiter->next;
		waiter->is_listed = false;
		waiter->turn = again ? LOOKUP_YOURS : why != NULL ? LOOKUP_FAILED : LOOKUP_ANSWERED;
		if (why != NULL)
			waiter->why = *why;
		else if (!again && !copy_record(&waiter->record, &lookup->record))
			waiter->turn = LOOKUP_YOURS;
		future_post(&waiter->told);
	}
}

/* As long as the waiter is listed the lookup is asked about, and stays; after that it may be gone. */
static bool withdraw(struct lookups *lookups, struct lookup *lookup, struct waiter *waiter)
{
	pthread_mutex_lock(&lookups->lock);
	bool was_listed = waiter->is_listed;
	if (was_listed) {
		struct waiter **link = &lookup->waiters;
		while (*link != waiter)
			link = &(*link)->next;
		*link = waiter->next;
	}
	pthread_mutex_unlock(&lookups->lock);
	return was_listed;
}

static enum lookup_turn await_told(struct lookups *lookups, struct lookup *lookup,
				   struct waiter *waiter, struct user_record *record,
				   struct failure *why, int64_t deadline)
{
	while (!waiter->told.is_done) {
		if (await_wake(waiter->told.loop, deadline))
			continue;
		int reason = errno;
		if (withdraw(lookups, lookup, waiter)) {
			failure_set(why, reason == ETIMEDOUT ? FAILURE_LOGIN_TIMEOUT :
							       FAILURE_SERVER_SHUTTING_DOWN);
			return LOOKUP_FAILED;
		}
		/* The answer is on its way. */
		if (reason == ECANCELED)
			coroutine_cancel(waiter->told.waiter);
		await_future(&waiter->told);
	}
	*record = waiter->record;
	*why = waiter->why;
	return waiter->turn;
}

/* Under the lock, which it gives back. */
static enum lookup_turn await_one_turn(struct lookups *lookups, struct loop *loop,
				       struct lookup *lookup, struct user_record *record,
				       struct failure *why, int64_t deadline)
{
	struct waiter waiter = {
		.told = future_in(loop), .next = lookup->waiters, .is_listed = true};

	lookup->waiters = &waiter;
	pthread_mutex_unlock(&lookups->lock);
	return await_told(lookups, lookup, &waiter, record, why, deadline);
}

static bool is_fresh(const struct lookups *lookups, const struct lookup *lookup, int64_t fresh_since)
{
	return fresh_since > 0 && lookup->known_since >= fresh_since &&
	       lookup->known_since > lookups->expired_at;
}

static void begin_to_ask(struct lookup *lookup)
{
	lookup->is_asked = true;
	lookup->asked_at = loop_now();
}

enum lookup_turn await_lookup_turn(struct lookups *lookups, struct loop *loop,
				   const char *database_name, const char *user,
				   int64_t fresh_since, struct user_record *record,
				   struct failure *why, int64_t deadline)
{
	for (;;) {
		pthread_mutex_lock(&lookups->lock);
		struct lookup *lookup = find(lookups, database_name, user);
		if (lookup != NULL && lookup->is_asked) {
			enum lookup_turn turn = await_one_turn(lookups, loop, lookup, record, why,
							       deadline);
			if (turn != LOOKUP_YOURS)
				return turn;
			continue;
		}
		enum lookup_turn turn = LOOKUP_YOURS;
		if (lookup != NULL && is_fresh(lookups, lookup, fresh_since))
			turn = copy_record(record, &lookup->record) ? LOOKUP_ANSWERED :
								      LOOKUP_FAILED;
		if (lookups->table.count >= LOOKUPS_MOST && lookup == NULL)
			forget_oldest(lookups);
		if (lookup == NULL)
			lookup = add(lookups, database_name, user);
		if (turn == LOOKUP_YOURS && lookup != NULL)
			begin_to_ask(lookup);
		pthread_mutex_unlock(&lookups->lock);
		if (lookup != NULL && turn != LOOKUP_FAILED)
			return turn;
		failure_set(why, FAILURE_NO_MEMORY);
		return LOOKUP_FAILED;
	}
}

/* --- answers ------------------------------------------------------------------------------ */

bool lookups_answer(struct lookups *lookups, const char *database_name, const char *user,
		    const struct user_record *record)
{
	pthread_mutex_lock(&lookups->lock);
	struct lookup *lookup = find(lookups, database_name, user);
	bool is_new = record->secret != NULL && !text_is_same(lookup->record.secret, record->secret);
	lookup->is_asked = false;
	lookup->known_since = lookup->asked_at;
	user_record_release(&lookup->record);
	bool kept = copy_record(&lookup->record, record);
	if (record->secret != NULL)
		lookups->saw_scram = secret_kind(record->secret) == SECRET_SCRAM;
	tell_waiters(lookup, NULL, !kept || lookup->asked_at <= lookups->expired_at);
	/* Names that anybody can make up are not worth a place. */
	if (!record->is_known || !kept)
		forget(lookups, lookup);
	pthread_mutex_unlock(&lookups->lock);
	return is_new;
}

void lookups_fail(struct lookups *lookups, const char *database_name, const char *user,
		  const struct failure *why)
{
	pthread_mutex_lock(&lookups->lock);
	struct lookup *lookup = find(lookups, database_name, user);
	lookup->is_asked = false;
	tell_waiters(lookup, why, why == NULL);
	if (!lookup->record.is_known)
		forget(lookups, lookup);
	pthread_mutex_unlock(&lookups->lock);
}

void lookups_expire(struct lookups *lookups)
{
	pthread_mutex_lock(&lookups->lock);
	lookups->expired_at = loop_now();
	pthread_mutex_unlock(&lookups->lock);
}

void lookups_doubt(struct lookups *lookups, const char *database_name, const char *user)
{
	pthread_mutex_lock(&lookups->lock);
	struct lookup *lookup = find(lookups, database_name, user);
	if (lookup != NULL)
		lookup->known_since = 0;
	pthread_mutex_unlock(&lookups->lock);
}

char *lookups_copy_secret(struct lookups *lookups, const char *database_name, const char *user)
{
	pthread_mutex_lock(&lookups->lock);
	const struct lookup *lookup = find(lookups, database_name, user);
	char *secret = lookup != NULL && lookup->record.secret != NULL ?
			       strdup(lookup->record.secret) :
			       NULL;
	pthread_mutex_unlock(&lookups->lock);
	return secret;
}

bool lookups_saw_scram(struct lookups *lookups)
{
	pthread_mutex_lock(&lookups->lock);
	bool saw = lookups->saw_scram;
	pthread_mutex_unlock(&lookups->lock);
	return saw;
}
