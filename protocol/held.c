#include "protocol/held.h"

#include <stdlib.h>

static struct held **bucket_of(const struct held_set *set, uint64_t id)
{
	return &set->buckets[id & (set->bucket_count - 1)];
}

struct held *held_find(const struct held_set *set, uint64_t statement_id)
{
	if (set->buckets == NULL)
		return NULL;
	struct held *held = *bucket_of(set, statement_id);
	while (held != NULL && held->statement->id != statement_id)
		held = held->next;
	return held;
}

static bool grow(struct held_set *set)
{
	struct held_set grown = *set;

	grown.bucket_count = set->bucket_count == 0 ? 16 : set->bucket_count * 2;
	grown.buckets = calloc(grown.bucket_count, sizeof(struct held *));
	if (grown.buckets == NULL)
		return set->buckets != NULL; /* longer chains, no harm */
	for (struct held *held = set->newest; held != NULL; held = held->older) {
		struct held **bucket = bucket_of(&grown, held->statement->id);
		held->next = *bucket;
		*bucket = held;
	}
	free(set->buckets);
	*set = grown;
	return true;
}

static void put_in_front(struct held_set *set, struct held *held)
{
	held->newer = NULL;
	held->older = set->newest;
	*(set->newest != NULL ? &set->newest->newer : &set->oldest) = held;
	set->newest = held;
}

static void take_out(struct held_set *set, struct held *held)
{
	*(held->newer != NULL ? &held->newer->older : &set->newest) = held->older;
	*(held->older != NULL ? &held->older->newer : &set->oldest) = held->newer;
}

struct held *held_add(struct held_set *set, struct statement *statement)
{
	if (set->count >= set->bucket_count && !grow(set))
		return NULL;
	struct held *held = calloc(1, sizeof *held);
	if (held == NULL)
		return NULL;
	held->statement = statement_hold(statement, HELD_BY_SERVER);
	struct held **bucket = bucket_of(set, statement->id);
	held->next = *bucket;
	*bucket = held;
	put_in_front(set, held);
	set->count++;
	return held;
}

void held_remove(struct held_set *set, struct held *held)
{
	struct held **link = bucket_of(set, held->statement->id);

	while (*link != held)
		link = &(*link)->next;
	*link = held->next;
	take_out(set, held);
	set->count--;
	statement_drop(held->statement, HELD_BY_SERVER);
	free(held);
}

void held_touch(struct held_set *set, struct held *held)
{
	if (set->newest == held)
		return;
	take_out(set, held);
	put_in_front(set, held);
}

struct held *held_least_used(const struct held_set *set)
{
	struct held *held = set->oldest;

	while (held != NULL && held->pending)
		held = held->newer;
	return held;
}

void held_clear(struct held_set *set)
{
	while (set->newest != NULL)
		held_remove(set, set->newest);
	free(set->buckets);
	*set = (struct held_set){0};
}
