#include "protocol/names.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/hash.h"

static struct name *find(const struct names *names, uint32_t hash, const char *text, size_t length)
{
	struct name *name = hash_table_find(&names->table, hash);

	while (name != NULL && (name->length != length || memcmp(name->text, text, length) != 0))
		name = hash_table_find_next(&name->link);
	return name;
}

struct name *names_find(const struct names *names, const char *text, size_t length)
{
	return find(names, hash_bytes(HASH_START, text, length), text, length);
}

struct name *names_make(struct names *names, const char *text, size_t length)
{
	uint32_t hash = hash_bytes(HASH_START, text, length);
	struct name *name = find(names, hash, text, length);

	if (name != NULL)
		return name;
	name = malloc(sizeof *name + length);
	if (name == NULL)
		return NULL;
	*name = (struct name){.length = (uint32_t)length};
	memcpy(name->text, text, length);
	hash_table_add(&names->table, &name->link, hash);
	return name;
}

struct statement *names_set(struct names *names, struct name *name, struct statement *statement)
{
	struct statement *before = name->statement;

	names->count -= before != NULL;
	names->count += statement != NULL;
	if (names->bound == name)
		names->bound = NULL;
	name->statement = statement;
	return before;
}

void names_tidy(struct names *names, struct name *name)
{
	if (name->statement != NULL || name->pending > 0 || name->asked > 0)
		return;
	hash_table_remove(&names->table, &name->link);
	free(name);
}

void names_date(const struct names *names, uint32_t alterations)
{
	for (struct name *name = hash_table_first(&names->table); name != NULL;
	     name = hash_table_next(&names->table, &name->link))
		name->alterations = alterations;
}

void names_forget(struct names *names)
{
	for (struct name *name = hash_table_first(&names->table); name != NULL;) {
		struct name *next = hash_table_next(&names->table, &name->link);
		if (name->pending == 0) {
			statement_drop(names_set(names, name, NULL), HELD_BY_CLIENT);
			names_tidy(names, name);
		}
		name = next;
	}
}

void names_clear(struct names *names)
{
	for (struct name *name = hash_table_first(&names->table); name != NULL;) {
		struct name *next = hash_table_next(&names->table, &name->link);
		statement_drop(name->statement, HELD_BY_CLIENT);
		free(name);
		name = next;
	}
	hash_table_release(&names->table);
	*names = (struct names){0};
}
