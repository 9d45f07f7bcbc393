#include "daemon/sql_names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/hash.h"

static struct sql_name **bucket_of(const struct sql_names *set, uint32_t hash)
{
	return &set->buckets[hash & (set->bucket_count - 1)];
}

static struct sql_name *find(const struct sql_names *set, uint32_t hash, const char *name,
			     size_t length)
{
	if (set->count == 0)
		return NULL;
	struct sql_name *sql_name = *bucket_of(set, hash);
	while (sql_name != NULL && (sql_name->hash != hash || sql_name->length != length ||
				    memcmp(sql_name->name, name, length) != 0))
		sql_name = sql_name->next;
	return sql_name;
}

struct sql_name *sql_name_find(const struct sql_names *set, const char *name, size_t length)
{
	return find(set, hash_bytes(HASH_START, name, length), name, length);
}

static bool grow(struct sql_names *set)
{
	struct sql_names grown = *set;

	grown.bucket_count = set->bucket_count == 0 ? 16 : set->bucket_count * 2;
	grown.buckets = calloc(grown.bucket_count, sizeof(struct sql_name *));
	if (grown.buckets == NULL)
		return set->buckets != NULL; /* longer chains, no harm */
	for (struct sql_name *sql_name = set->newest; sql_name != NULL;
	     sql_name = sql_name->older) {
		struct sql_name **bucket = bucket_of(&grown, sql_name->hash);
		sql_name->next = *bucket;
		*bucket = sql_name;
	}
	free(set->buckets);
	*set = grown;
	return true;
}

struct sql_name *sql_name_make(struct sql_names *set, const char *name, size_t length)
{
	uint32_t hash = hash_bytes(HASH_START, name, length);
	struct sql_name *sql_name = find(set, hash, name, length);

	if (sql_name != NULL)
		return sql_name;
	if (set->count >= set->bucket_count && !grow(set))
		return NULL;
	sql_name = malloc(sizeof *sql_name + length);
	if (sql_name == NULL)
		return NULL;
	struct sql_name **bucket = bucket_of(set, hash);
	*sql_name = (struct sql_name){
		.next = *bucket, .older = set->newest, .hash = hash, .length = (uint32_t)length};
	memcpy(sql_name->name, name, length);
	*bucket = sql_name;
	*(set->newest != NULL ? &set->newest->newer : &set->oldest) = sql_name;
	set->newest = sql_name;
	set->count++;
	return sql_name;
}

void sql_name_remove(struct sql_names *set, struct sql_name *sql_name)
{
	struct sql_name **link = bucket_of(set, sql_name->hash);

	while (*link != sql_name)
		link = &(*link)->next;
	*link = sql_name->next;
	*(sql_name->newer != NULL ? &sql_name->newer->older : &set->newest) = sql_name->older;
	*(sql_name->older != NULL ? &sql_name->older->newer : &set->oldest) = sql_name->newer;
	set->count--;
	statement_drop(sql_name->statement, HELD_BY_SERVER);
	free(sql_name);
}

void sql_name_set(struct sql_name *sql_name, struct statement *statement)
{
	if (statement != NULL)
		statement_hold(statement, HELD_BY_SERVER);
	statement_drop(sql_name->statement, HELD_BY_SERVER);
	sql_name->statement = statement;
}

void sql_names_forget(const struct sql_names *set, const char *name, size_t length)
{
	struct sql_name *sql_name = sql_name_find(set, name, length);
	if (sql_name != NULL)
		sql_name_set(sql_name, NULL);
}

void sql_names_clear(struct sql_names *set)
{
	while (set->newest != NULL)
		sql_name_remove(set, set->newest);
	free(set->buckets);
	*set = (struct sql_names){0};
}
