#include "daemon/relay/sql_names.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/hash.h"

static struct sql_name *find(const struct sql_names *set, uint32_t hash, const char *name,
			     size_t length)
{
	struct sql_name *sql_name = hash_table_find(&set->table, hash);

	while (sql_name != NULL &&
	       (sql_name->length != length || memcmp(sql_name->name, name, length) != 0))
		sql_name = hash_table_find_next(&sql_name->aged.link);
	return sql_name;
}

struct sql_name *sql_name_find(const struct sql_names *set, const char *name, size_t length)
{
	return find(set, hash_bytes(HASH_START, name, length), name, length);
}

struct sql_name *sql_name_make(struct sql_names *set, const char *name, size_t length)
{
	uint32_t hash = hash_bytes(HASH_START, name, length);
	struct sql_name *sql_name = find(set, hash, name, length);

	if (sql_name != NULL)
		return sql_name;
	sql_name = malloc(sizeof *sql_name + length);
	if (sql_name == NULL)
		return NULL;
	*sql_name = (struct sql_name){.length = (uint32_t)length};
	memcpy(sql_name->name, name, length);
	hash_table_add(&set->table, &sql_name->aged.link, hash);
	age_list_add(&set->by_age, &sql_name->aged);
	return sql_name;
}

void sql_name_remove(struct sql_names *set, struct sql_name *sql_name)
{
	hash_table_remove(&set->table, &sql_name->aged.link);
	age_list_remove(&set->by_age, &sql_name->aged);
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
	while (set->by_age.newest != NULL)
		sql_name_remove(set, set->by_age.newest);
	hash_table_release(&set->table);
	*set = (struct sql_names){0};
}
