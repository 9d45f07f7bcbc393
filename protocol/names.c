#include "protocol/names.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/hash.h"

static uint32_t hash_text(const char *text, size_t length)
{
	uint32_t hash = hash_bytes(HASH_START, text, length);

	return hash ^ hash >> 15;
}

static struct name **bucket_of(const struct names *names, uint32_t hash)
{
	return &names->buckets[hash & (names->bucket_count - 1)];
}

static struct name *find(const struct names *names, uint32_t hash, const char *text, size_t length)
{
	if (names->buckets == NULL)
		return NULL;
	struct name *name = *bucket_of(names, hash);
	while (name != NULL && (name->hash != hash || name->length != length ||
				memcmp(name->text, text, length) != 0))
		name = name->next;
	return name;
}

struct name *names_find(const struct names *names, const char *text, size_t length)
{
	return find(names, hash_text(text, length), text, length);
}

/* Buckets are few, since there may be ten thousand clients with names. */
static bool grow(struct names *names)
{
	struct names grown = *names;

	grown.bucket_count = names->bucket_count == 0 ? 4 : names->bucket_count * 2;
	grown.buckets = calloc(grown.bucket_count, sizeof(struct name *));
	if (grown.buckets == NULL)
		return names->buckets != NULL; /* longer chains, no harm */
	for (uint32_t i = 0; i < names->bucket_count; i++) {
		for (struct name *name = names->buckets[i]; name != NULL;) {
			struct name *next = name->next;
			struct name **bucket = bucket_of(&grown, name->hash);
			name->next = *bucket;
			*bucket = name;
			name = next;
		}
	}
	free(names->buckets);
	*names = grown;
	return true;
}

struct name *names_make(struct names *names, const char *text, size_t length)
{
	uint32_t hash = hash_text(text, length);
	struct name *name = find(names, hash, text, length);

	if (name != NULL)
		return name;
	if (names->entries >= names->bucket_count && !grow(names))
		return NULL;
	name = malloc(sizeof *name + length);
	if (name == NULL)
		return NULL;
	struct name **bucket = bucket_of(names, hash);
	*name = (struct name){.next = *bucket, .hash = hash, .length = (uint32_t)length};
	memcpy(name->text, text, length);
	*bucket = name;
	names->entries++;
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
	struct name **link = bucket_of(names, name->hash);
	while (*link != name)
		link = &(*link)->next;
	*link = name->next;
	names->entries--;
	free(name);
}

void names_date(const struct names *names, uint32_t alterations)
{
	for (uint32_t i = 0; i < names->bucket_count; i++)
		for (struct name *name = names->buckets[i]; name != NULL; name = name->next)
			name->alterations = alterations;
}

void names_forget(struct names *names)
{
	for (uint32_t i = 0; i < names->bucket_count; i++) {
		for (struct name *name = names->buckets[i]; name != NULL;) {
			struct name *next = name->next;
			if (name->pending == 0) {
				statement_drop(names_set(names, name, NULL), HELD_BY_CLIENT);
				names_tidy(names, name);
			}
			name = next;
		}
	}
}

void names_clear(struct names *names)
{
	for (uint32_t i = 0; i < names->bucket_count; i++) {
		for (struct name *name = names->buckets[i]; name != NULL;) {
			struct name *next = name->next;
			statement_drop(name->statement, HELD_BY_CLIENT);
			free(name);
			name = next;
		}
	}
	free(names->buckets);
	*names = (struct names){0};
}
