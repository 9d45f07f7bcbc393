/*
 * A hash table of entries that belong to the caller. Each begins with a struct hash_link, and so can be in
 * one table; what it is known by, and which of those with the same hash is meant, only the caller knows:
 *
 *	struct name *name = hash_table_find(&names->table, hash);
 *	while (name != NULL && !is_called(name, text))
 *		name = hash_table_find_next(&name->link);
 *
 * A table begins as zeros. Who shares one between threads has a lock for it.
 */
#ifndef MILLPOND_PROTOCOL_HASH_TABLE_H
#define MILLPOND_PROTOCOL_HASH_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct hash_link {
	struct hash_link *next; /* in its bucket */
	uint32_t hash;
};

struct hash_table {
	struct hash_link *single[1]; /* the one bucket ... */
	struct hash_link **buckets;  /* ... until there are these */
	uint32_t mask;	/* how many buckets there are, which is a power of two, less one */
	uint32_t count; /* of the entries */
};

/* The bucket's number. The low bits of FNV depend on nothing but the low bits of each byte; so others are mixed in. */
static inline uint32_t hash_table_index(const struct hash_table *table, uint32_t hash)
{
	return (hash ^ hash >> 15) & table->mask;
}

static inline struct hash_link *const *hash_table_buckets(const struct hash_table *table)
{
	return table->buckets != NULL ? table->buckets : table->single;
}

/* The next entry that has the same hash; or NULL. */
static inline void *hash_table_find_next(const struct hash_link *link)
{
	struct hash_link *next = link->next;

	while (next != NULL && next->hash != link->hash)
		next = next->next;
	return next;
}

/* The first entry that has the hash; or NULL. */
static inline void *hash_table_find(const struct hash_table *table, uint32_t hash)
{
	struct hash_link *link = hash_table_buckets(table)[hash_table_index(table, hash)];

	while (link != NULL && link->hash != hash)
		link = link->next;
	return link;
}

/* Adds an entry, as the last of its hash. Without memory for more buckets these become fuller. */
void hash_table_add(struct hash_table *table, struct hash_link *link, uint32_t hash);

/* Takes out an entry, which is in the table. */
void hash_table_remove(struct hash_table *table, struct hash_link *link);

/* All entries, in no order: the first, and the one behind another, which may be taken out then; or NULL. */
void *hash_table_first(const struct hash_table *table);
void *hash_table_next(const struct hash_table *table, const struct hash_link *link);

/* Frees the buckets, and leaves an empty table; entries that are still there are the caller's to free. */
void hash_table_release(struct hash_table *table);

#endif
