/* Prepared statements are one for each text; clients' names and servers' holdings count them. */
#include <stdio.h>
#include <string.h>

#include "protocol/held.h"
#include "protocol/names.h"
#include "protocol/statement.h"
#include "tests/unit/tap.h"

static struct statement *intern_body(struct statement_table *table, const char *body, size_t length,
				     bool is_command, enum statement_holder holder)
{
	struct statement_key key = {.body = body, .length = length, .is_command = is_command};

	return statement_intern(table, &key, holder);
}

/* The body of a Parse with these parameter types. */
static struct statement *intern(struct statement_table *table, const char *text,
				const uint32_t *types, size_t count)
{
	struct writer writer;

	writer_init(&writer);
	write_text(&writer, text);
	write_uint16(&writer, (unsigned)count);
	for (size_t i = 0; i < count; i++)
		write_uint32(&writer, types[i]);
	ok(statement_body_is_sound(writer.data, writer.length), "%s: a sound body", text);
	struct statement *statement =
		intern_body(table, writer.data, writer.length, false, HELD_BY_CLIENT);
	writer_release(&writer);
	return statement;
}

static void test_interning(void)
{
	struct statement_table *table = statement_table_new();
	const uint32_t types[] = {23, 25};
	struct statement *one = intern(table, "select 1", NULL, 0);
	struct statement *same = intern(table, "select 1", NULL, 0);
	struct statement *typed = intern(table, "select 1", types, 2);
	struct statement *command =
		intern_body(table, one->body, one->key.length, true, HELD_BY_CLIENT);
	struct parameter_table *parameters = parameter_table_new();
	struct statement_key key = one->key;
	key.literals = parameters_empty(parameters);
	struct statement *other = statement_intern(table, &key, HELD_BY_CLIENT);

	ok(one == same, "the same text is the same statement");
	ok(one != typed, "not with other parameter types");
	ok(one != command, "nor if it is a command");
	ok(one != other, "nor if its literals mean something else");
	statement_drop(other, HELD_BY_CLIENT);
	parameter_table_free(parameters);
	is_int(statement_type_count(typed), 2, "types are counted");
	is_int(statement_table_count(table), 3, "the table has three");
	is_text(one->name, "MILLPOND_1", "a name is made of the number");
	is_int(one->holders[HELD_BY_CLIENT], 2, "two hold it");

	uint64_t id = one->id;
	statement_hold(one, HELD_BY_SERVER);
	statement_drop(one, HELD_BY_CLIENT);
	statement_drop(one, HELD_BY_CLIENT);
	is_int(statement_table_count(table), 3, "it lives as long as a server has it");
	statement_drop(one, HELD_BY_SERVER);
	is_int(statement_table_count(table), 2, "and goes with the last holder");
	one = intern(table, "select 1", NULL, 0);
	ok(one->id > id, "its number is not used again");
	statement_drop(one, HELD_BY_CLIENT);
	statement_drop(typed, HELD_BY_CLIENT);
	statement_drop(command, HELD_BY_CLIENT);
	is_int(statement_table_count(table), 0, "all are gone");
	statement_table_free(table);
}

static void test_bodies(void)
{
	ok(!statement_body_is_sound("", 0), "an empty body is not sound");
	ok(!statement_body_is_sound("select", 6), "a text without its end");
	ok(!statement_body_is_sound("select\0\0", 8), "half a count");
	ok(!statement_body_is_sound("select\0\0\1\0\0\0", 12), "a type that is cut off");
	ok(!statement_body_is_sound("select\0\0\0x", 10), "something behind the end");
	ok(statement_body_is_sound("\0\0\0", 3), "an empty text is sound");
}

static void test_many(void)
{
	struct statement_table *table = statement_table_new();
	struct statement *made[500];
	char text[64];
	bool found = true;

	for (int i = 0; i < 500; i++) {
		int length = snprintf(text, sizeof text - 3, "select %d", i);
		memset(text + length, 0, 3);
		made[i] = intern_body(table, text, (size_t)length + 3, false, HELD_BY_CLIENT);
	}
	for (int i = 0; i < 500; i++) {
		int length = snprintf(text, sizeof text - 3, "select %d", i);
		memset(text + length, 0, 3);
		found = found && made[i] == intern_body(table, text, (size_t)length + 3, false,
							     HELD_BY_CLIENT);
	}
	ok(found, "each of many is found again");
	for (int i = 0; i < 1000; i++)
		statement_drop(made[i % 500], HELD_BY_CLIENT);
	is_int(statement_table_count(table), 0, "and all go");
	statement_table_free(table);
}

static void count_one(void *context, const struct statement *statement)
{
	*(unsigned *)context += statement->key.length == 19;
}

/* What the top bit of one word changes in the hash, the next word can take back. */
static void test_collision(void)
{
	struct statement_table *table = statement_table_new();
	char texts[2][19] = {"select 1 -- secret", "select 1 -- secret"};
	struct statement *made[2];
	unsigned walked = 0;

	texts[1][7] ^= (char)0x80;
	texts[1][15] ^= (char)0x80;
	texts[1][12] ^= 0x04;
	for (int i = 0; i < 2; i++) {
		memset(texts[i] + 16, 0, 3);
		made[i] = intern_body(table, texts[i], 19, false, HELD_BY_CLIENT);
	}
	ok(made[0]->key.hash == made[1]->key.hash, "two texts have the same hash");
	ok(made[0] != made[1], "and are two statements all the same");
	ok(intern_body(table, texts[1], 19, false, HELD_BY_SERVER) == made[1],
	   "each is found again");
	statement_table_each(table, count_one, &walked);
	is_int(walked, 2, "both are told of, once");
	statement_drop(made[1], HELD_BY_SERVER);
	statement_drop(made[1], HELD_BY_CLIENT);
	is_int(statement_table_count(table), 1, "one can go");
	statement_drop(made[0], HELD_BY_CLIENT);
	statement_table_free(table);
}

static void test_names(void)
{
	struct statement_table *table = statement_table_new();
	struct names names = {0};
	char text[32];
	bool found = true;

	for (int i = 0; i < 300; i++) {
		int length = snprintf(text, sizeof text, "name_%d", i);
		struct name *name = names_make(&names, text, (size_t)length);
		names_set(&names, name,
			  intern_body(table, "x\0\0\0", 4, false, HELD_BY_CLIENT));
	}
	for (int i = 0; i < 300; i++) {
		int length = snprintf(text, sizeof text, "name_%d", i);
		found = found && names_find(&names, text, (size_t)length) != NULL;
	}
	ok(found, "each name is found");
	ok(names_find(&names, "name_", 5) == NULL, "others are not");
	is_int(names.count, 300, "they are counted");
	struct name *name = names_find(&names, "name_7", 6);
	statement_drop(names_set(&names, name, NULL), HELD_BY_CLIENT);
	name->pending = 1;
	names_tidy(&names, name);
	ok(names_find(&names, "name_7", 6) == name, "a pending name stays");
	name->pending = 0;
	names_tidy(&names, name);
	ok(names_find(&names, "name_7", 6) == NULL, "one that means nothing does not");
	is_int(names.count, 299, "one less");
	names_clear(&names);
	is_int(statement_table_count(table), 0, "the statement has gone with its names");
	statement_table_free(table);
}

static void test_held(void)
{
	struct statement_table *table = statement_table_new();
	struct held_set set = {0};
	struct held *held[40];
	char text[2] = "a";

	for (int i = 0; i < 40; i++) {
		text[0] = (char)('A' + i);
		char body[4] = {text[0], 0, 0, 0};
		struct statement *statement =
			intern_body(table, body, 4, false, HELD_BY_CLIENT);
		held[i] = held_add(&set, statement);
		statement_drop(statement, HELD_BY_CLIENT);
	}
	is_int(set.table.count, 40, "forty are held");
	ok(held_find(&set, held[13]->statement->id) == held[13], "and found");
	ok(held_find(&set, 999) == NULL, "others are not");
	ok(held_least_used(&set) == held[0], "the first was not used for longest");
	held_touch(&set, held[0]);
	ok(held_least_used(&set) == held[1], "when it is used the second is");
	held[1]->pending = true;
	ok(held_least_used(&set) == held[2], "one that is pending stays");
	held_remove(&set, held[2]);
	ok(held_least_used(&set) == held[3], "then comes the next");
	is_int(statement_table_count(table), 39, "what is held nowhere is gone");
	held_clear(&set);
	is_int(statement_table_count(table), 0, "all are dropped");
	statement_table_free(table);
}

int main(void)
{
	test_interning();
	test_bodies();
	test_many();
	test_collision();
	test_names();
	test_held();
	return done();
}
