#include "protocol/held.h"

#include <stdlib.h>

struct held *held_find(const struct held_set *set, uint64_t statement_id)
{
	struct held *held = hash_table_find(&set->table, (uint32_t)statement_id);

	while (held != NULL && held->statement->id != statement_id)
		held = hash_table_find_next(&held->aged.link);
	return held;
}

struct held *held_add(struct held_set *set, struct statement *statement)
{
	struct held *held = calloc(1, sizeof *held);

	if (held == NULL)
		return NULL;
	held->statement = statement_hold(statement, HELD_BY_SERVER);
	hash_table_add(&set->table, &held->aged.link, (uint32_t)statement->id);
	age_list_add(&set->by_use, &held->aged);
	return held;
}

void held_remove(struct held_set *set, struct held *held)
{
	hash_table_remove(&set->table, &held->aged.link);
	age_list_remove(&set->by_use, &held->aged);
	statement_drop(held->statement, HELD_BY_SERVER);
	free(held);
}

void held_touch(struct held_set *set, struct held *held)
{
	if (set->by_use.newest == held)
		return;
	age_list_touch(&set->by_use, &held->aged);
}

struct held *held_least_used(const struct held_set *set)
{
	struct held *held = set->by_use.oldest;

	while (held != NULL && held->pending)
		held = held->aged.newer;
	return held;
}

void held_clear(struct held_set *set)
{
	while (set->by_use.newest != NULL)
		held_remove(set, set->by_use.newest);
	hash_table_release(&set->table);
	*set = (struct held_set){0};
}
