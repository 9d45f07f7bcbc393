#include "protocol/keyring.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/secret.h"

struct keyring_entry {
	struct aged aged; /* by its last use; its link by the id */
	uint32_t round; /* in which it was last wanted */
	unsigned char id[SCRAM_KEY_BYTES];
	unsigned char keys[2 * SCRAM_KEY_BYTES];
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
	while (table->by_use.oldest != NULL) {
		struct keyring_entry *entry = table->by_use.oldest;
		table->by_use.oldest = entry->aged.newer;
		entry_free(entry);
	}
	hash_table_release(&table->entries);
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

/* An id is a hash or a HMAC already, so any part of it is a good hash. */
static uint32_t hash_of(const unsigned char *id)
{
	uint32_t hash;

	memcpy(&hash, id, sizeof hash);
	return hash;
}

static struct keyring_entry *find(const struct keyring_table *table, const unsigned char *id)
{
	struct keyring_entry *entry = hash_table_find(&table->entries, hash_of(id));

	while (entry != NULL && memcmp(entry->id, id, SCRAM_KEY_BYTES) != 0)
		entry = hash_table_find_next(&entry->aged.link);
	return entry;
}

static void append(struct keyring_table *table, struct keyring_entry *entry)
{
	entry->round = table->round;
	age_list_add(&table->by_use, &entry->aged);
}

static void take_out(struct keyring_table *table, const struct keyring_entry *entry)
{
	if (table->unswept == entry)
		table->unswept = entry->aged.newer;
	age_list_remove(&table->by_use, &entry->aged);
}

static void add(struct keyring_table *table, struct keyring_entry *entry)
{
	hash_table_add(&table->entries, &entry->aged.link, hash_of(entry->id));
	append(table, entry);
}

static void forget(struct keyring_table *table, struct keyring_entry *entry)
{
	hash_table_remove(&table->entries, &entry->aged.link);
	take_out(table, entry);
	entry_free(entry);
}

static bool table_get(struct keyring *keyring, struct keyring_table *table, const unsigned char *id,
		      unsigned char *keys, size_t length)
{
	pthread_mutex_lock(&keyring->lock);
	struct keyring_entry *entry = find(table, id);
	if (entry != NULL) {
		memcpy(keys, entry->keys, length);
		take_out(table, entry);
		append(table, entry);
	}
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
	bool is_new = find(table, id) == NULL;
	if (is_new && table->entries.count >= KEYRING_MOST)
		forget(table, table->by_use.oldest);
	if (is_new)
		add(table, entry);
	pthread_mutex_unlock(&keyring->lock);
	if (!is_new)
		entry_free(entry);
	return is_new;
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

/* --- those that nobody needs any more ----------------------------------------------------- */

static void begin_round(struct keyring_table *table)
{
	table->round++;
	table->unswept = table->by_use.oldest;
}

static void sweep(struct keyring_table *table, size_t *most)
{
	for (; *most > 0 && table->unswept != NULL; --*most) {
		struct keyring_entry *entry = table->unswept;
		table->unswept = entry->aged.newer;
		if (entry->round != table->round)
			forget(table, entry);
	}
}

void keyring_begin_round(struct keyring *keyring)
{
	pthread_mutex_lock(&keyring->lock);
	begin_round(&keyring->proven);
	begin_round(&keyring->derived);
	pthread_mutex_unlock(&keyring->lock);
}

/* Its place among the others stays. */
static void keep(struct keyring *keyring, struct keyring_table *table, const unsigned char *id)
{
	pthread_mutex_lock(&keyring->lock);
	struct keyring_entry *entry = find(table, id);
	if (entry != NULL)
		entry->round = table->round;
	pthread_mutex_unlock(&keyring->lock);
}

void keyring_keep(struct keyring *keyring, const char *user, const char *text, uint32_t iterations)
{
	unsigned char id[SCRAM_KEY_BYTES];
	struct scram_secret secret;

	enum secret_kind kind = secret_kind(text);

	if (kind == SECRET_SCRAM && scram_secret_parse(text, &secret))
		keep(keyring, &keyring->proven, secret.stored_key);
	if (kind == SECRET_PLAIN && identify(keyring, user, text, iterations, id))
		keep(keyring, &keyring->derived, id);
	OPENSSL_cleanse(&secret, sizeof secret);
}

void keyring_keep_proven(struct keyring *keyring, const unsigned char stored_key[SCRAM_KEY_BYTES])
{
	keep(keyring, &keyring->proven, stored_key);
}

bool keyring_sweep(struct keyring *keyring, size_t most)
{
	pthread_mutex_lock(&keyring->lock);
	sweep(&keyring->proven, &most);
	sweep(&keyring->derived, &most);
	pthread_mutex_unlock(&keyring->lock);
	return most == 0;
}
