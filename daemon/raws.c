#include "daemon/raws.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/hash.h"

static struct raw **bucket_of(const struct raws *set, uint32_t hash)
{
	return &set->buckets[hash & (set->bucket_count - 1)];
}

static struct raw *find(const struct raws *set, uint32_t hash, const char *name, size_t length)
{
	if (set->count == 0)
		return NULL;
	struct raw *raw = *bucket_of(set, hash);
	while (raw != NULL && (raw->hash != hash || raw->length != length ||
			       memcmp(raw->name, name, length) != 0))
		raw = raw->next;
	return raw;
}

struct raw *raw_find(const struct raws *set, const char *name, size_t length)
{
	return find(set, hash_bytes(HASH_START, name, length), name, length);
}

static bool grow(struct raws *set)
{
	struct raws grown = *set;

	grown.bucket_count = set->bucket_count == 0 ? 16 : set->bucket_count * 2;
	grown.buckets = calloc(grown.bucket_count, sizeof(struct raw *));
	if (grown.buckets == NULL)
		return set->buckets != NULL; /* longer chains, no harm */
	for (struct raw *raw = set->newest; raw != NULL; raw = raw->older) {
		struct raw **bucket = bucket_of(&grown, raw->hash);
		raw->next = *bucket;
		*bucket = raw;
	}
	free(set->buckets);
	*set = grown;
	return true;
}

struct raw *raw_make(struct raws *set, const char *name, size_t length)
{
	uint32_t hash = hash_bytes(HASH_START, name, length);
	struct raw *raw = find(set, hash, name, length);

	if (raw != NULL)
		return raw;
	if (set->count >= set->bucket_count && !grow(set))
		return NULL;
	raw = malloc(sizeof *raw + length);
	if (raw == NULL)
		return NULL;
	struct raw **bucket = bucket_of(set, hash);
	*raw = (struct raw){
		.next = *bucket, .older = set->newest, .hash = hash, .length = (uint32_t)length};
	memcpy(raw->name, name, length);
	*bucket = raw;
	*(set->newest != NULL ? &set->newest->newer : &set->oldest) = raw;
	set->newest = raw;
	set->count++;
	return raw;
}

void raw_remove(struct raws *set, struct raw *raw)
{
	struct raw **link = bucket_of(set, raw->hash);

	while (*link != raw)
		link = &(*link)->next;
	*link = raw->next;
	*(raw->newer != NULL ? &raw->newer->older : &set->newest) = raw->older;
	*(raw->older != NULL ? &raw->older->newer : &set->oldest) = raw->newer;
	set->count--;
	statement_drop(raw->statement, HELD_BY_SERVER);
	free(raw);
}

void raw_set(struct raw *raw, struct statement *statement)
{
	if (statement != NULL)
		statement_hold(statement, HELD_BY_SERVER);
	statement_drop(raw->statement, HELD_BY_SERVER);
	raw->statement = statement;
}

void raws_forget(const struct raws *set, const char *name, size_t length)
{
	struct raw *raw = raw_find(set, name, length);
	if (raw != NULL)
		raw_set(raw, NULL);
}

void raws_clear(struct raws *set)
{
	while (set->newest != NULL)
		raw_remove(set, set->newest);
	free(set->buckets);
	*set = (struct raws){0};
}
