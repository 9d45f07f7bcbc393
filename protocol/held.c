#include "protocol/held.h"

#include <stdlib.h>

struct held *held_find(const struct held_set *set, uint64_t statement_id)
{
	struct held *held = hash_table_find(&set->table, (uint32_t)statement_id);

	while (held != NULL && held->statement->id != statement_id)
		held = hash_table_find_next(&held->link);
	return held;
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
	struct held *held = calloc(1, sizeof *held);

	if (held == NULL)
		return NULL;
	held->statement = statement_hold(statement, HELD_BY_SERVER);
	hash_table_add(&set->table, &held->link, (uint32_t)statement->id);
	put_in_front(set, held);
	return held;
}

void held_remove(struct held_set *set, struct held *held)
{
	hash_table_remove(&set->table, &held->link);
	take_out(set, held);
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
	hash_table_release(&set->table);
	*set = (struct held_set){0};
}
