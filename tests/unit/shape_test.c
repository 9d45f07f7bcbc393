/* Whether a client that binds what has other columns on its server would be surprised: the message behind its Bind
 * tells, if it is there. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/relay/prepared_parts.h"
#include "tests/unit/tap.h"

#define BIND "B\0\0\0\x0d\0s\0\0\0\0\0\0\0"

static char *page; /* behind it nothing may be read */
static size_t page_bytes;

static void map_page(void)
{
	page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	page = mmap(NULL, 2 * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || mprotect(page + page_bytes, page_bytes, PROT_NONE) != 0)
		abort();
}

/* With these bytes behind the Bind, the last that were read. */
static bool may_surprise(const char *bytes, size_t length)
{
	struct statement statement = {.id = 1};
	struct name name = {.statement = &statement, .shape = 7};
	struct held held = {.statement = &statement, .shape = 8};
	struct upstream upstream = {0};
	struct hash_table *table = &upstream.statements.held.table;
	char *end = page + page_bytes, *at = end - length - (sizeof BIND - 1);
	struct prepared prepared = {.upstream = &upstream, .data = at, .end = end};
	struct message bind;

	memcpy(at, BIND, sizeof BIND - 1);
	memcpy(end - length, bytes, length);
	message_look(at, (size_t)(end - at), &bind);
	hash_table_add(table, &held.aged.link, (uint32_t)statement.id);
	bool may = prepared_may_surprise(&prepared, &bind, &name);
	hash_table_release(table);
	return may;
}

static void test_what_follows(void)
{
	ok(may_surprise("E\0\0\0\x09\0\0\0\0\0", 10), "who executes goes by what it was told");
	ok(may_surprise("D\0\0\0\6S\0", 7), "so does who asks for a statement's columns");
	ok(!may_surprise("D\0\0\0\6P\0", 7), "who asks for the portal's does not");
	ok(!may_surprise("D\0\0\0\6P", 6), "... even if half of that is there");
}

static void test_what_cannot_be_seen(void)
{
	ok(may_surprise("", 0), "nothing there");
	ok(may_surprise("D\0\0\0", 4), "half a header");
	for (char length = 0; length <= 6; length++) {
		const char describe[] = {'D', 0, 0, 0, length};
		ok(may_surprise(describe, sizeof describe), "nothing behind a header with the length %d",
		   length);
	}
}

int main(void)
{
	map_page();
	test_what_follows();
	test_what_cannot_be_seen();
	return done();
}
