#include "daemon/keyring.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_AT_FIRST ((size_t)64)

/* What is looked for is a hash or a HMAC already, so any part of it is a good hash. */
struct keyring_entry {
	unsigned char id[SCRAM_KEY_BYTES];
	unsigned char keys[2 * SCRAM_KEY_BYTES];
	struct keyring_entry *next_in_bucket;
	struct keyring_entry *newer;
};

bool keyring_init(struct keyring *keyring)
{
	*keyring = (struct keyring){0};
	pthread_mutex_init(&keyring->lock, NULL);
	return RAND_bytes(keyring->process_key, sizeof keyring->process_key) == 1;
}

static void entry_free(struct keyring_entry *entry)
{
	OPENSSL_cleanse(entry, sizeof *entry);
	free(entry);
}

static void table_release(struct keyring_table *table)
{
	while (table->oldest != NULL) {
		struct keyring_entry *entry = table->oldest;
		table->oldest = entry->newer;
		entry_free(entry);
	}
	free(table->buckets);
	*table = (struct keyring_table){0};
}

void keyring_release(struct keyring *keyring)
{
	table_release(&keyring->derived);
	table_release(&keyring->proven);
	OPENSSL_cleanse(keyring->process_key, sizeof keyring->process_key);
	pthread_mutex_destroy(&keyring->lock);
}

/* --- the tables --------------------------------------------------------------------------- */

static size_t bucket_of(const unsigned char *id, size_t count)
{
	uint64_t number;
	memcpy(&number, id, sizeof number);
	return (size_t)number & (count - 1);
}

static struct keyring_entry **find(const struct keyring_table *table, const unsigned char *id)
{
	struct keyring_entry **link = &table->buckets[bucket_of(id, table->bucket_count)];

	while (*link != NULL && memcmp((*link)->id, id, SCRAM_KEY_BYTES) != 0)
		link = &(*link)->next_in_bucket;
	return link;
}

/* Without memory the chains only become longer. */
static bool grow(struct keyring_table *table)
{
	size_t count = table->bucket_count > 0 ? table->bucket_count * 2 : BUCKETS_AT_FIRST;
	struct keyring_entry **buckets = calloc(count, sizeof(struct keyring_entry *));

	if (buckets == NULL)
		return table->buckets != NULL;
	for (struct keyring_entry *entry = table->oldest; entry != NULL; entry = entry->newer) {
		struct keyring_entry **bucket = &buckets[bucket_of(entry->id, count)];
		entry->next_in_bucket = *bucket;
		*bucket = entry;
	}
	free(table->buckets);
	table->buckets = buckets;
	table->bucket_count = count;
	return true;
}

static void forget_oldest(struct keyring_table *table)
{
	struct keyring_entry *entry = table->oldest;

	*find(table, entry->id) = entry->next_in_bucket;
	table->oldest = entry->newer;
	if (table->oldest == NULL)
		table->newest = NULL;
	table->count--;
	entry_free(entry);
}

static bool table_get(struct keyring *keyring, struct keyring_table *table, const unsigned char *id,
		      unsigned char *keys, size_t length)
{
	pthread_mutex_lock(&keyring->lock);
	struct keyring_entry *entry = table->count > 0 ? *find(table, id) : NULL;
	if (entry != NULL)
		memcpy(keys, entry->keys, length);
	pthread_mutex_unlock(&keyring->lock);
	return entry != NULL;
}

/* Whether it is there now, and was not before. */
static bool table_put(struct keyring *keyring, struct keyring_table *table, const unsigned char *id,
		      const unsigned char *keys, size_t length)
{
	struct keyring_entry *entry = calloc(1, sizeof *entry);

	if (entry == NULL)
		return false;
	memcpy(entry->id, id, SCRAM_KEY_BYTES);
	memcpy(entry->keys, keys, length);
	pthread_mutex_lock(&keyring->lock);
	if (table->count >= KEYRING_MOST)
		forget_oldest(table);
	if ((table->count < table->bucket_count || grow(table)) && *find(table, id) == NULL) {
		struct keyring_entry **link = find(table, id);
		*link = entry;
		if (table->newest != NULL)
			table->newest->newer = entry;
		else
			table->oldest = entry;
		table->newest = entry;
		table->count++;
		entry = NULL;
	}
	pthread_mutex_unlock(&keyring->lock);
	if (entry != NULL)
		entry_free(entry);
	return entry == NULL;
}

/* --- what is in them ---------------------------------------------------------------------- */

/* A name for a user's password that says nothing about it: the HMAC over all that keys depend on. */
static bool identify(const struct keyring *keyring, const char *user, const char *password,
		     uint32_t iterations, unsigned char id[SCRAM_KEY_BYTES])
{
	size_t user_bytes = strlen(user) + 1;
	size_t password_bytes = strlen(password);
	size_t length = sizeof iterations + user_bytes + password_bytes;
	char *text = malloc(length);

	if (text == NULL)
		return false;
	memcpy(text, &iterations, sizeof iterations);
	memcpy(text + sizeof iterations, user, user_bytes);
	memcpy(text + sizeof iterations + user_bytes, password, password_bytes);
	bool done = scram_hmac(keyring->process_key, text, length, id);
	OPENSSL_cleanse(text, length);
	free(text);
	return done;
}

bool keyring_find_derived(struct keyring *keyring, const char *user, const char *password,
			  uint32_t iterations, struct scram_secret *secret)
{
	unsigned char id[SCRAM_KEY_BYTES];
	unsigned char keys[2 * SCRAM_KEY_BYTES];

	scram_invent_salt(secret, iterations, keyring->process_key, user);
	if (!identify(keyring, user, password, iterations, id) ||
	    !table_get(keyring, &keyring->derived, id, keys, sizeof keys))
		return false;
	memcpy(secret->stored_key, keys, SCRAM_KEY_BYTES);
	memcpy(secret->server_key, keys + SCRAM_KEY_BYTES, SCRAM_KEY_BYTES);
	OPENSSL_cleanse(keys, sizeof keys);
	return true;
}

void keyring_note_derived(struct keyring *keyring, const char *user, const char *password,
			  const struct scram_secret *secret)
{
	unsigned char id[SCRAM_KEY_BYTES];
	unsigned char keys[2 * SCRAM_KEY_BYTES];

	if (!identify(keyring, user, password, secret->iterations, id))
		return;
	memcpy(keys, secret->stored_key, SCRAM_KEY_BYTES);
	memcpy(keys + SCRAM_KEY_BYTES, secret->server_key, SCRAM_KEY_BYTES);
	table_put(keyring, &keyring->derived, id, keys, sizeof keys);
	OPENSSL_cleanse(keys, sizeof keys);
}

bool keyring_find_proven(struct keyring *keyring, const unsigned char stored_key[SCRAM_KEY_BYTES],
			 unsigned char client_key[SCRAM_KEY_BYTES])
{
	return table_get(keyring, &keyring->proven, stored_key, client_key, SCRAM_KEY_BYTES);
}

bool keyring_note_proven(struct keyring *keyring, const unsigned char stored_key[SCRAM_KEY_BYTES],
			 const unsigned char client_key[SCRAM_KEY_BYTES])
{
	unsigned char known[SCRAM_KEY_BYTES];

	bool is_new = !keyring_find_proven(keyring, stored_key, known) &&
		      table_put(keyring, &keyring->proven, stored_key, client_key, SCRAM_KEY_BYTES);
	OPENSSL_cleanse(known, sizeof known);
	return is_new;
}
