#include "protocol/hash_table.h"

#include <stdlib.h>

/* Few, since each client may have a table. */
#define BUCKETS_AT_FIRST 8

static struct hash_link **bucket_of(struct hash_table *table, uint32_t hash)
{
	struct hash_link **buckets = table->buckets != NULL ? table->buckets : table->single;

	return &buckets[hash_table_index(table, hash)];
}

static void put(struct hash_table *table, struct hash_link *link)
{
	struct hash_link **end = bucket_of(table, link->hash);

	while (*end != NULL)
		end = &(*end)->next;
	link->next = NULL;
	*end = link;
}

static void grow(struct hash_table *table)
{
	size_t bucket_count =
		table->buckets == NULL ? BUCKETS_AT_FIRST : 2 * ((size_t)table->mask + 1);
	struct hash_table grown = {
		.buckets = calloc(bucket_count, sizeof(struct hash_link *)),
		.mask = (uint32_t)bucket_count - 1,
		.count = table->count,
	};
	if (grown.buckets == NULL)
		return;
	for (struct hash_link *link = hash_table_first(table); link != NULL;) {
		struct hash_link *next = hash_table_next(table, link);
		put(&grown, link);
		link = next;
	}
	free(table->buckets);
	*table = grown;
}

void hash_table_add(struct hash_table *table, struct hash_link *link, uint32_t hash)
{
	if (table->count > table->mask)
		grow(table);
	link->hash = hash;
	put(table, link);
	table->count++;
}

void hash_table_remove(struct hash_table *table, struct hash_link *link)
{
	struct hash_link **at = bucket_of(table, link->hash);

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	table->count--;
}

static struct hash_link *first_from(const struct hash_table *table, uint32_t index)
{
	for (; index <= table->mask; index++)
		if (hash_table_buckets(table)[index] != NULL)
			return hash_table_buckets(table)[index];
	return NULL;
}

void *hash_table_first(const struct hash_table *table)
{
	return first_from(table, 0);
}

void *hash_table_next(const struct hash_table *table, const struct hash_link *link)
{
	if (link->next != NULL)
		return link->next;
	return first_from(table, hash_table_index(table, link->hash) + 1);
}

void hash_table_release(struct hash_table *table)
{
	free(table->buckets);
	*table = (struct hash_table){0};
}
