#include "pool/namesakes.h"

#include <string.h>

#include "pool/policy.h"
#include "pool/pools.h"

static bool has_same_names(const struct pool *one, const struct pool *other)
{
	if (one == other)
		return true;
	return strcmp(one->database_name, other->database_name) == 0 &&
	       strcmp(one->user_name, other->user_name) == 0;
}

struct pool *namesakes_next(const struct pool *pool, const struct pool *behind)
{
	struct pool *next = behind == NULL ? hash_table_find(&pool->pools->table, pool->link.hash) :
					     hash_table_find_next(&behind->link);

	while (next != NULL && !has_same_names(pool, next))
		next = hash_table_find_next(&next->link);
	return next;
}

bool namesakes_is_first(const struct pool *pool)
{
	return namesakes_next(pool, NULL) == pool;
}

bool namesakes_share_size(const struct pool *one, const struct pool *other)
{
	return one->is_private == other->is_private && one->is_forced == other->is_forced &&
	       one->is_removed == other->is_removed && has_same_names(one, other);
}

size_t namesakes_server_count(const struct pool *pool)
{
	size_t count = 0;

	for (struct pool *other = NULL; (other = namesakes_next(pool, other)) != NULL;)
		if (namesakes_share_size(pool, other))
			count += pool_server_count(other);
	return count;
}

struct pool *namesakes_earlier(const struct pool *pool)
{
	struct pool *earliest = NULL;
	int64_t since = pool->first_waiting != NULL ? pool->first_waiting->since : INT64_MAX;

	for (struct pool *other = NULL; (other = namesakes_next(pool, other)) != NULL;) {
		if (other == pool || !namesakes_share_size(pool, other) ||
		    other->waiting_count <= other->servers[SERVER_LOGIN].count ||
		    other->first_waiting->since >= since)
			continue;
		earliest = other;
		since = other->first_waiting->since;
	}
	return earliest;
}

void namesakes_provide(const struct pool *pool, int64_t now)
{
	for (struct pool *other = NULL; (other = namesakes_next(pool, other)) != NULL;)
		if (other != pool && other->first_waiting != NULL)
			policy_provide(other, now);
}

size_t namesakes_count(struct pools *pools)
{
	size_t count = 0;

	for (const struct pool *pool = pools->first; pool != NULL; pool = pool->next)
		count += namesakes_is_first(pool);
	return count;
}
