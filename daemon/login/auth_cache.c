#include "daemon/login/auth_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
	enum auth_turn turn; /* AUTH_TURN_YOURS: try again */
	struct user_record record;
	struct failure why;
	bool is_listed; /* with its entry, which then is asked about; under the lock */
};

struct auth_cache_entry {
	/* Its link is by source and user; it is in the list while nobody asks about it and it has no clients. */
	struct aged aged;
	char *source;
	char *user;
	bool is_asked;	  /* a query is under way */
	bool is_missed;	  /* a login to a server has wanted a secret that was not here any more */
	unsigned client_count; /* that have been judged by its secret, and are there */
	uint32_t secret_hash;  /* of the last secret, which may have been wiped; 0: never any */
	int64_t asked_at; /* when the last query began */
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

/* Whoever is judged by a secret keeps it here. */
static void count_in(struct auth_cache_entry *entry, struct user_record *record)
{
	if (record->secret == NULL)
		return;
	record->entry = entry;
	entry->client_count++;
}

static bool answer_from(struct auth_cache_entry *entry, struct user_record *record)
{
	if (!copy_record(record, &entry->record))
		return false;
	count_in(entry, record);
	return true;
}

void auth_cache_init(struct auth_cache *cache)
{
	*cache = (struct auth_cache){0};
	pthread_mutex_init(&cache->lock, NULL);
}

/* --- the table, under the lock ------------------------------------------------------------ */

static struct auth_cache_entry *find(const struct auth_cache *cache, const char *source,
				     const char *user)
{
	struct auth_cache_entry *entry =
		hash_table_find(&cache->table, hash_two_texts(source, user));

	while (entry != NULL &&
	       (strcmp(entry->user, user) != 0 || strcmp(entry->source, source) != 0))
		entry = hash_table_find_next(&entry->aged.link);
	return entry;
}

static void entry_free(struct auth_cache_entry *entry)
{
	user_record_release(&entry->record);
	free(entry->source);
	free(entry->user);
	free(entry);
}

static void forget(struct auth_cache *cache, struct auth_cache_entry *entry)
{
	hash_table_remove(&cache->table, &entry->aged.link);
	entry_free(entry);
}

static bool is_in_use(const struct auth_cache_entry *entry)
{
	return entry->is_asked || entry->client_count > 0;
}

static bool is_fresh(const struct auth_cache *cache, const struct auth_cache_entry *entry,
		     int64_t fresh_since)
{
	return fresh_since > 0 && entry->known_since >= fresh_since &&
	       entry->known_since > cache->expired_at;
}

/* --- those at rest, under the lock -------------------------------------------------------- */

static void take_out(struct auth_cache *cache, struct auth_cache_entry *entry)
{
	if (cache->oldest_unwiped == entry)
		cache->oldest_unwiped = entry->aged.newer;
	age_list_remove(&cache->at_rest, &entry->aged);
}

static void forget_oldest(struct auth_cache *cache)
{
	struct auth_cache_entry *entry = cache->at_rest.oldest;

	if (entry == NULL)
		return;
	take_out(cache, entry);
	forget(cache, entry);
}

/* Whose it was is still known, so that the same secret is nothing new when it comes again. */
static void wipe(struct auth_cache_entry *entry)
{
	user_record_release(&entry->record);
	entry->known_since = 0;
}

static void rest(struct auth_cache *cache, struct auth_cache_entry *entry)
{
	age_list_add(&cache->at_rest, &entry->aged);
	if (cache->oldest_unwiped == NULL)
		cache->oldest_unwiped = entry;
}

/* A secret by which nobody may be judged any more, and of which no client is there, is of no use. */
static void rest_if_unused(struct auth_cache *cache, struct auth_cache_entry *entry,
			   int64_t fresh_since)
{
	if (is_in_use(entry))
		return;
	if (!is_fresh(cache, entry, fresh_since))
		wipe(entry);
	rest(cache, entry);
}

static void wipe_stale(struct auth_cache *cache, int64_t fresh_since)
{
	struct auth_cache_entry *entry = cache->oldest_unwiped;

	for (; entry != NULL && !is_fresh(cache, entry, fresh_since); entry = entry->aged.newer)
		wipe(entry);
	cache->oldest_unwiped = entry;
}

/* --- making and ending -------------------------------------------------------------------- */

static struct auth_cache_entry *add(struct auth_cache *cache, const char *source, const char *user)
{
	struct auth_cache_entry *entry = calloc(1, sizeof *entry);

	if (entry == NULL)
		return NULL;
	entry->source = strdup(source);
	entry->user = strdup(user);
	if (entry->source == NULL || entry->user == NULL) {
		entry_free(entry);
		return NULL;
	}
	hash_table_add(&cache->table, &entry->aged.link, hash_two_texts(source, user));
	return entry;
}

void auth_cache_release(struct auth_cache *cache)
{
	struct hash_link *link;

	while ((link = hash_table_first(&cache->table)) != NULL)
		forget(cache, (struct auth_cache_entry *)link);
	hash_table_release(&cache->table);
	pthread_mutex_destroy(&cache->lock);
}

/* --- waiting ------------------------------------------------------------------------------ */

/* The waiter is not touched any more once it has been posted. */
static void tell_waiters(struct auth_cache_entry *entry, const struct failure *why, bool again)
{
	while (entry->waiters != NULL) {
		struct waiter *waiter = entry->waiters;
		entry->waiters = waiter->next;
		waiter->is_listed = false;
		waiter->turn = again	   ? AUTH_TURN_YOURS :
			       why != NULL ? AUTH_TURN_FAILED :
					     AUTH_TURN_ANSWERED;
		if (why != NULL)
			waiter->why = *why;
		else if (!again && !answer_from(entry, &waiter->record))
			waiter->turn = AUTH_TURN_YOURS;
		future_post(&waiter->told);
	}
}

/* As long as the waiter is listed the entry is asked about, and stays; after that it may be gone. */
static bool withdraw(struct auth_cache *cache, struct auth_cache_entry *entry,
		     struct waiter *waiter)
{
	pthread_mutex_lock(&cache->lock);
	bool was_listed = waiter->is_listed;
	if (was_listed) {
		struct waiter **link = &entry->waiters;
		while (*link != waiter)
			link = &(*link)->next;
		*link = waiter->next;
	}
	pthread_mutex_unlock(&cache->lock);
	return was_listed;
}

static enum auth_turn await_told(struct auth_cache *cache, struct auth_cache_entry *entry,
				 struct waiter *waiter, struct user_record *record,
				 struct failure *why, int64_t deadline)
{
	while (!waiter->told.is_done) {
		if (await_wake(waiter->told.loop, deadline))
			continue;
		int reason = errno;
		if (withdraw(cache, entry, waiter)) {
			failure_set(why, reason == ETIMEDOUT ? FAILURE_LOGIN_TIMEOUT :
							       FAILURE_SERVER_SHUTTING_DOWN);
			return AUTH_TURN_FAILED;
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

/* Under the lock, of an entry about which somebody asks. */
static void list_waiter(struct auth_cache_entry *entry, struct loop *loop, struct waiter *waiter)
{
	*waiter = (struct waiter){.told = future_in(loop), .next = entry->waiters, .is_listed = true};
	entry->waiters = waiter;
}

static void begin_to_ask(struct auth_cache_entry *entry)
{
	entry->is_asked = true;
	entry->asked_at = loop_now();
}

/* Under the lock, of an entry about which nobody asks. */
static enum auth_turn take_turn(struct auth_cache *cache, struct auth_cache_entry *entry,
				int64_t fresh_since, struct user_record *record)
{
	bool was_in_use = is_in_use(entry);
	enum auth_turn turn = AUTH_TURN_YOURS;

	if (is_fresh(cache, entry, fresh_since))
		turn = answer_from(entry, record) ? AUTH_TURN_ANSWERED : AUTH_TURN_FAILED;
	else
		begin_to_ask(entry);
	if (!was_in_use && is_in_use(entry))
		take_out(cache, entry);
	return turn;
}

static enum auth_turn take_first_turn(struct auth_cache *cache, const char *source, const char *user)
{
	if (cache->table.count >= AUTH_CACHE_MOST)
		forget_oldest(cache);
	struct auth_cache_entry *entry = add(cache, source, user);
	if (entry == NULL)
		return AUTH_TURN_FAILED;
	begin_to_ask(entry);
	return AUTH_TURN_YOURS;
}

enum auth_turn await_auth_turn(struct auth_cache *cache, struct loop *loop, const char *source,
			       const char *user, int64_t fresh_since, struct user_record *record,
			       struct failure *why, int64_t deadline)
{
	for (;;) {
		struct waiter waiter;
		enum auth_turn turn;

		pthread_mutex_lock(&cache->lock);
		struct auth_cache_entry *entry = find(cache, source, user);
		bool waits = entry != NULL && entry->is_asked;
		if (waits)
			list_waiter(entry, loop, &waiter);
		else if (entry != NULL)
			turn = take_turn(cache, entry, fresh_since, record);
		else
			turn = take_first_turn(cache, source, user);
		pthread_mutex_unlock(&cache->lock);
		if (waits)
			turn = await_told(cache, entry, &waiter, record, why, deadline);
		else if (turn == AUTH_TURN_FAILED)
			failure_set(why, FAILURE_NO_MEMORY);
		if (!waits || turn != AUTH_TURN_YOURS)
			return turn;
	}
}

/* --- answers ------------------------------------------------------------------------------ */

/* Whether the secret is another one, or has been missed. */
static bool note_secret(struct auth_cache *cache, struct auth_cache_entry *entry, const char *secret)
{
	if (secret == NULL)
		return false;
	/* It is not kept only to tell whether the next is another. */
	uint32_t hash = hash_text_nonzero(secret);
	bool is_new = entry->is_missed || entry->secret_hash != hash;
	entry->secret_hash = hash;
	entry->is_missed = false;
	cache->saw_scram |= secret_kind(secret) == SECRET_SCRAM;
	return is_new;
}

bool auth_cache_answer(struct auth_cache *cache, const char *source, const char *user,
		       struct user_record *record)
{
	pthread_mutex_lock(&cache->lock);
	struct auth_cache_entry *entry = find(cache, source, user);
	bool is_new = note_secret(cache, entry, record->secret);
	entry->is_asked = false;
	user_record_release(&entry->record);
	bool kept = copy_record(&entry->record, record);
	entry->known_since = kept && record->is_known ? entry->asked_at : 0;
	tell_waiters(entry, NULL, !kept || entry->asked_at <= cache->expired_at);
	if (kept)
		count_in(entry, record);
	if (entry->client_count == 0) {
		/* Names that anybody can make up are not worth a place. */
		if (record->is_known && kept)
			rest(cache, entry);
		else
			forget(cache, entry);
	}
	pthread_mutex_unlock(&cache->lock);
	return is_new;
}

void auth_cache_fail(struct auth_cache *cache, const char *source, const char *user,
		     const struct failure *why)
{
	pthread_mutex_lock(&cache->lock);
	struct auth_cache_entry *entry = find(cache, source, user);
	entry->is_asked = false;
	tell_waiters(entry, why, why == NULL);
	if (entry->client_count == 0 && entry->secret_hash == 0)
		forget(cache, entry);
	else
		rest_if_unused(cache, entry, 0);
	pthread_mutex_unlock(&cache->lock);
}

void auth_cache_leave(struct auth_cache *cache, struct auth_cache_entry *entry, int64_t fresh_since)
{
	pthread_mutex_lock(&cache->lock);
	entry->client_count--;
	rest_if_unused(cache, entry, fresh_since);
	pthread_mutex_unlock(&cache->lock);
}

void auth_cache_wipe_stale(struct auth_cache *cache, int64_t fresh_since)
{
	pthread_mutex_lock(&cache->lock);
	wipe_stale(cache, fresh_since);
	pthread_mutex_unlock(&cache->lock);
}

void auth_cache_expire(struct auth_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	cache->expired_at = loop_now();
	wipe_stale(cache, 0);
	pthread_mutex_unlock(&cache->lock);
}

void auth_cache_doubt(struct auth_cache *cache, const char *source, const char *user)
{
	pthread_mutex_lock(&cache->lock);
	struct auth_cache_entry *entry = find(cache, source, user);
	if (entry != NULL)
		entry->known_since = 0;
	pthread_mutex_unlock(&cache->lock);
}

char *auth_cache_copy_secret(struct auth_cache *cache, const char *source, const char *user)
{
	pthread_mutex_lock(&cache->lock);
	struct auth_cache_entry *entry = find(cache, source, user);
	char *secret =
		entry != NULL && entry->record.secret != NULL ? strdup(entry->record.secret) : NULL;
	if (entry != NULL && secret == NULL)
		entry->is_missed = true;
	pthread_mutex_unlock(&cache->lock);
	return secret;
}

void auth_cache_each_secret(struct auth_cache *cache,
			    void (*each)(const char *user, const char *secret, void *arg),
			    void *arg)
{
	pthread_mutex_lock(&cache->lock);
	for (struct hash_link *link = hash_table_first(&cache->table); link != NULL;
	     link = hash_table_next(&cache->table, link)) {
		const struct auth_cache_entry *entry = (struct auth_cache_entry *)link;
		if (entry->record.secret != NULL)
			each(entry->user, entry->record.secret, arg);
	}
	pthread_mutex_unlock(&cache->lock);
}

bool auth_cache_saw_scram(struct auth_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	bool saw = cache->saw_scram;
	pthread_mutex_unlock(&cache->lock);
	return saw;
}
