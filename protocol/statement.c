#include "protocol/statement.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/message.h"

struct statement_table {
	pthread_mutex_t lock;
	struct statement **buckets;
	size_t bucket_count; /* a power of two */
	size_t count;
	uint64_t last_id;
};

struct statement_table *statement_table_new(void)
{
	struct statement_table *table = calloc(1, sizeof *table);
	if (table == NULL)
		return NULL;
	table->bucket_count = 64;
	table->buckets = calloc(table->bucket_count, sizeof(struct statement *));
	if (table->buckets == NULL || pthread_mutex_init(&table->lock, NULL) != 0) {
		free(table->buckets);
		free(table);
		return NULL;
	}
	return table;
}

void statement_table_free(struct statement_table *table)
{
	if (table == NULL)
		return;
	pthread_mutex_destroy(&table->lock);
	free(table->buckets);
	free(table);
}

bool statement_body_is_sound(const char *body, size_t length)
{
	size_t text = strnlen(body, length);

	return length - text >= 3 &&
	       length - text - 3 == (size_t)read_uint16(body + text + 1) * sizeof(uint32_t);
}

/* Eight bytes at a time, since texts are long. */
static uint32_t hash_body(const char *body, size_t length, bool is_command)
{
	uint64_t hash = length + is_command;
	uint64_t word;

	for (; length >= sizeof word; body += sizeof word, length -= sizeof word) {
		memcpy(&word, body, sizeof word);
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	word = 0;
	memcpy(&word, body, length);
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(hash >> 32);
}

static struct statement **bucket_of(const struct statement_table *table, uint32_t hash)
{
	return &table->buckets[hash & (table->bucket_count - 1)];
}

static void grow(struct statement_table *table)
{
	size_t old_count = table->bucket_count;
	struct statement **old = table->buckets;
	struct statement **buckets = calloc(old_count * 2, sizeof(struct statement *));

	if (buckets == NULL)
		return; /* longer chains, no harm */
	table->buckets = buckets;
	table->bucket_count = old_count * 2;
	for (size_t i = 0; i < old_count; i++) {
		for (struct statement *statement = old[i]; statement != NULL;) {
			struct statement *next = statement->next;
			struct statement **bucket = bucket_of(table, statement->hash);
			statement->next = *bucket;
			*bucket = statement;
			statement = next;
		}
	}
	free(old);
}

static struct statement *find(const struct statement_table *table, uint32_t hash, const char *body,
			      size_t length, bool is_command)
{
	struct statement *statement = *bucket_of(table, hash);

	while (statement != NULL &&
	       (statement->hash != hash || statement->length != length ||
		statement->is_command != is_command || memcmp(statement->body, body, length) != 0))
		statement = statement->next;
	return statement;
}

size_t statement_name(char name[STATEMENT_NAME_BYTES], uint64_t id)
{
	return (size_t)snprintf(name, STATEMENT_NAME_BYTES, STATEMENT_PREFIX "%llu",
				(unsigned long long)id);
}

static struct statement *add(struct statement_table *table, uint32_t hash, const char *body,
			     size_t length, bool is_command)
{
	struct statement *statement = calloc(1, sizeof *statement + length);
	if (statement == NULL)
		return NULL;
	if (table->count >= table->bucket_count)
		grow(table);
	statement->table = table;
	statement->id = ++table->last_id;
	statement->hash = hash;
	statement->is_command = is_command;
	statement->name_length = (uint32_t)statement_name(statement->name, statement->id);
	statement->length = length;
	memcpy(statement->body, body, length);
	sql_look(&statement->sql, statement->body, strlen(statement->body));
	struct statement **bucket = bucket_of(table, hash);
	statement->next = *bucket;
	*bucket = statement;
	table->count++;
	return statement;
}

struct statement *statement_intern(struct statement_table *table, const char *body, size_t length,
				   bool is_command, enum statement_holder holder)
{
	uint32_t hash = hash_body(body, length, is_command);

	pthread_mutex_lock(&table->lock);
	struct statement *statement = find(table, hash, body, length, is_command);
	if (statement == NULL)
		statement = add(table, hash, body, length, is_command);
	if (statement != NULL)
		statement->holders[holder]++;
	pthread_mutex_unlock(&table->lock);
	return statement;
}

struct statement *statement_hold(struct statement *statement, enum statement_holder holder)
{
	pthread_mutex_lock(&statement->table->lock);
	statement->holders[holder]++;
	pthread_mutex_unlock(&statement->table->lock);
	return statement;
}

static void unlink_statement(struct statement_table *table, const struct statement *statement)
{
	struct statement **link = bucket_of(table, statement->hash);

	while (*link != statement)
		link = &(*link)->next;
	*link = statement->next;
	table->count--;
}

void statement_drop(struct statement *statement, enum statement_holder holder)
{
	if (statement == NULL)
		return;
	struct statement_table *table = statement->table;
	pthread_mutex_lock(&table->lock);
	statement->holders[holder]--;
	bool last = statement->holders[HELD_BY_CLIENT] + statement->holders[HELD_BY_SERVER] == 0;
	if (last)
		unlink_statement(table, statement);
	pthread_mutex_unlock(&table->lock);
	if (last)
		free(statement);
}

void statement_write_parse(struct writer *writer, const char *name, size_t name_length,
			   const char *body, size_t length)
{
	message_begin(writer, FRONTEND_PARSE);
	write_bytes(writer, name, name_length);
	write_uint8(writer, 0);
	write_bytes(writer, body, length);
	message_end(writer);
}

size_t statement_table_count(struct statement_table *table)
{
	pthread_mutex_lock(&table->lock);
	size_t count = table->count;
	pthread_mutex_unlock(&table->lock);
	return count;
}

void statement_table_each(struct statement_table *table,
			  void (*each)(void *context, const struct statement *statement),
			  void *context)
{
	pthread_mutex_lock(&table->lock);
	for (size_t i = 0; i < table->bucket_count; i++)
		for (const struct statement *s = table->buckets[i]; s != NULL; s = s->next)
			each(context, s);
	pthread_mutex_unlock(&table->lock);
}
