#include "protocol/statement.h"

#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/sql_settings.h"

struct statement_table {
	pthread_mutex_t lock;
	void *tree; /* of statements, by their keys: see tsearch(3) */
	size_t count;
	uint64_t last_id;
};

struct statement_table *statement_table_new(void)
{
	struct statement_table *table = calloc(1, sizeof *table);

	if (table != NULL && pthread_mutex_init(&table->lock, NULL) != 0) {
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
	free(table);
}

bool statement_body_is_sound(const char *body, size_t length)
{
	size_t text = strnlen(body, length);

	return length - text >= 3 &&
	       length - text - 3 == (size_t)read_uint16(body + text + 1) * sizeof(uint32_t);
}

/* Eight bytes at a time, since texts are long. */
static uint32_t hash_of(const struct statement_key *key)
{
	const char *body = key->body;
	size_t length = key->length;
	uint64_t hash = (uintptr_t)key->literals + length + key->is_command;
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

/*
 * The order in the tree. The hash makes it quick, since it nearly always decides; and it is a tree because
 * clients can choose texts of one hash.
 */
static int compare(const void *left, const void *right)
{
	const struct statement_key *a = left, *b = right;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	if (a->is_command != b->is_command)
		return a->is_command ? 1 : -1;
	if (a->literals != b->literals)
		return (uintptr_t)a->literals < (uintptr_t)b->literals ? -1 : 1;
	return memcmp(a->body, b->body, a->length);
}

size_t statement_name(char name[STATEMENT_NAME_BYTES], uint64_t id)
{
	return (size_t)snprintf(name, STATEMENT_NAME_BYTES, STATEMENT_PREFIX "%llu",
				(unsigned long long)id);
}

static void statement_free(struct statement *statement)
{
	parameters_drop(statement->key.literals);
	free(statement);
}

static struct statement *add(struct statement_table *table, const struct statement_key *key)
{
	struct statement *statement = calloc(1, sizeof *statement + key->length);

	if (statement == NULL)
		return NULL;
	memcpy(statement->body, key->body, key->length);
	statement->key = *key;
	statement->key.body = statement->body;
	parameters_hold(key->literals);
	if (tsearch(&statement->key, &table->tree, compare) == NULL) {
		statement_free(statement);
		return NULL;
	}
	statement->table = table;
	statement->id = ++table->last_id;
	statement->name_length = (uint32_t)statement_name(statement->name, statement->id);
	sql_look(&statement->sql, statement->body, strlen(statement->body));
	statement->is_about_locks = sql_is_about_locks(statement->body, statement->sql.length);
	statement->may_make_table = sql_may_make_table(statement->body, statement->sql.length);
	statement->may_set = sql_may_set(statement->body, statement->sql.length);
	table->count++;
	return statement;
}

struct statement *statement_intern(struct statement_table *table, const struct statement_key *key,
				   enum statement_holder holder)
{
	struct statement_key wanted = *key;

	wanted.hash = hash_of(&wanted);
	pthread_mutex_lock(&table->lock);
	/* What is found points to the key, with which a statement begins. */
	struct statement **found = tfind(&wanted, &table->tree, compare);
	struct statement *statement = found != NULL ? *found : add(table, &wanted);
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

void statement_drop(struct statement *statement, enum statement_holder holder)
{
	if (statement == NULL)
		return;
	struct statement_table *table = statement->table;
	pthread_mutex_lock(&table->lock);
	statement->holders[holder]--;
	bool last = statement->holders[HELD_BY_CLIENT] + statement->holders[HELD_BY_SERVER] == 0;
	if (last) {
		tdelete(&statement->key, &table->tree, compare);
		table->count--;
	}
	pthread_mutex_unlock(&table->lock);
	if (last)
		statement_free(statement);
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

struct walk {
	void (*each)(void *context, const struct statement *statement);
	void *context;
};

/* A node with children is met three times, a leaf once. */
static void visit(const void *node, VISIT visit, void *context)
{
	const struct walk *walk = context;

	if (visit == postorder || visit == leaf)
		walk->each(walk->context, *(const struct statement *const *)node);
}

void statement_table_each(struct statement_table *table,
			  void (*each)(void *context, const struct statement *statement),
			  void *context)
{
	struct walk walk = {each, context};

	pthread_mutex_lock(&table->lock);
	twalk_r(table->tree, visit, &walk);
	pthread_mutex_unlock(&table->lock);
}
