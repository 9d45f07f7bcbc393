/* A hash table finds what was added to it by its hash, however much it has grown, and nothing else. */
#include "protocol/hash_table.h"

#include "tests/unit/tap.h"

#define COUNT 1000

struct number {
	struct hash_link link;
	uint32_t value;
	bool is_seen;
};

static struct number numbers[COUNT];

/* Three of them share each hash. */
static uint32_t hash_of(uint32_t value)
{
	return value / 3 * UINT32_C(0x10001);
}

static struct number *find(const struct hash_table *table, uint32_t value)
{
	struct number *number = hash_table_find(table, hash_of(value));

	while (number != NULL && number->value != value)
		number = hash_table_find_next(&number->link);
	return number;
}

static uint32_t count_found(const struct hash_table *table)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < COUNT; i++)
		found += find(table, i) == &numbers[i];
	return found;
}

static void add(struct hash_table *table, uint32_t value)
{
	numbers[value] = (struct number){.value = value};
	hash_table_add(table, &numbers[value].link, hash_of(value));
}

static void test_empty(void)
{
	struct hash_table table = {0};

	ok(hash_table_find(&table, 0) == NULL, "an empty table has nothing");
	ok(hash_table_first(&table) == NULL, "nor is there a first entry");
	add(&table, 7);
	ok(find(&table, 7) == &numbers[7], "what is added is found");
	ok(hash_table_next(&table, &numbers[7].link) == NULL, "there is nothing behind it");
	hash_table_remove(&table, &numbers[7].link);
	ok(find(&table, 7) == NULL, "what is taken out is not");
	is_int(table.count, 0, "and the table is empty again");
	hash_table_release(&table);
}

static void test_many(void)
{
	struct hash_table table = {0};
	bool good = true;

	for (uint32_t i = 0; i < COUNT; i++) {
		good &= find(&table, i) == NULL;
		add(&table, i);
		good &= find(&table, i) == &numbers[i] && find(&table, 0) == &numbers[0];
	}
	ok(good, "each is found once it is there, and the first one always");
	is_int(table.count, COUNT, "they are counted");
	is_int(count_found(&table), COUNT, "all are found in the end");
	ok(table.mask + 1 >= COUNT, "there is a bucket for each");
	for (uint32_t i = 0; i < COUNT; i += 2)
		hash_table_remove(&table, &numbers[i].link);
	is_int(count_found(&table), COUNT / 2, "every other is left");
	hash_table_release(&table);
	ok(hash_table_find(&table, hash_of(1)) == NULL, "a table that is released is empty");
}

static void test_order(void)
{
	struct hash_table table = {0};
	bool good = true;

	for (uint32_t i = 0; i < 99; i++)
		add(&table, i);
	for (uint32_t i = 0; i < 99; i += 3) {
		good &= hash_table_find(&table, hash_of(i)) == &numbers[i];
		for (uint32_t j = i; j < i + 2; j++)
			good &= hash_table_find_next(&numbers[j].link) == &numbers[j + 1];
		good &= hash_table_find_next(&numbers[i + 2].link) == NULL;
	}
	ok(good, "those of one hash stand as they came");
	hash_table_release(&table);
}

static void test_all(void)
{
	struct hash_table table = {0};
	uint32_t seen = 0;

	for (uint32_t i = 0; i < COUNT; i++)
		add(&table, i);
	for (struct number *number = hash_table_first(&table); number != NULL;) {
		struct number *next = hash_table_next(&table, &number->link);
		seen += !number->is_seen;
		number->is_seen = true;
		hash_table_remove(&table, &number->link);
		number = next;
	}
	is_int(seen, COUNT, "all can be met, and taken out on the way");
	is_int(table.count, 0, "none is left");
	hash_table_release(&table);
}

int main(void)
{
	test_empty();
	test_many();
	test_order();
	test_all();
	return done();
}
