#include "daemon/relay/set_cache.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/age_list.h"
#include "protocol/hash.h"
#include "protocol/hash_table.h"
#include "protocol/text.h"

#define LONGEST_VALUE 512

struct set_cache {
	struct hash_table table;
	struct age_list by_use;
};

struct entry {
	struct aged aged;
	uint64_t pool;
	size_t length;
	const char *value; /* behind the text, in the same block */
	char text[];
};

static uint32_t hash_of(uint64_t pool, const char *text, size_t length)
{
	return hash_bytes(hash_number(HASH_START, (uint32_t)pool), text, length);
}

static struct entry *find(const struct set_cache *cache, uint32_t hash, uint64_t pool,
			  const char *text, size_t length)
{
	struct entry *entry = hash_table_find(&cache->table, hash);

	while (entry != NULL && (entry->pool != pool || entry->length != length ||
				 memcmp(entry->text, text, length) != 0))
		entry = hash_table_find_next(&entry->aged.link);
	return entry;
}

const char *set_cache_find(struct set_cache *cache, uint64_t pool, const char *text, size_t length)
{
	if (cache == NULL)
		return NULL;
	struct entry *entry = find(cache, hash_of(pool, text, length), pool, text, length);
	if (entry == NULL)
		return NULL;
	age_list_touch(&cache->by_use, &entry->aged);
	return entry->value;
}

static void remove_entry(struct set_cache *cache, struct entry *entry)
{
	hash_table_remove(&cache->table, &entry->aged.link);
	age_list_remove(&cache->by_use, &entry->aged);
	free(entry);
}

void set_cache_add(struct set_cache **cache, uint64_t pool, const char *text, size_t length,
		   const char *value)
{
	size_t value_length = strlen(value);

	if (value_length > LONGEST_VALUE || !text_is_ascii(value) ||
	    set_cache_find(*cache, pool, text, length) != NULL)
		return;
	if (*cache == NULL)
		*cache = calloc(1, sizeof **cache);
	struct entry *entry = malloc(sizeof *entry + length + value_length + 1);
	if (*cache == NULL || entry == NULL) {
		free(entry);
		return;
	}
	*entry = (struct entry){.pool = pool, .length = length, .value = entry->text + length};
	memcpy(entry->text, text, length);
	memcpy(entry->text + length, value, value_length + 1);
	if ((*cache)->table.count == SET_CACHE_MOST)
		remove_entry(*cache, (*cache)->by_use.oldest);
	hash_table_add(&(*cache)->table, &entry->aged.link, hash_of(pool, text, length));
	age_list_add(&(*cache)->by_use, &entry->aged);
}

void set_cache_free(struct set_cache *cache)
{
	while (cache != NULL && cache->by_use.oldest != NULL)
		remove_entry(cache, cache->by_use.oldest);
	if (cache != NULL)
		hash_table_release(&cache->table);
	free(cache);
}
