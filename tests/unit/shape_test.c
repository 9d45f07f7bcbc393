/* Whether a client goes by the columns it was told of once: the message behind its Bind tells, if there is one. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/prepared_parts.h"
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

/* What is known of a client after a Bind with these bytes behind it, the last that were read. */
static bool remembers_after(bool before, const char *bytes, size_t length)
{
	struct statement statement = {.id = 1};
	struct name name = {.statement = &statement, .shape = 7, .remembers = before};
	struct upstream upstream = {0};
	char *end = page + page_bytes, *at = end - length - (sizeof BIND - 1);
	struct prepared prepared = {.upstream = &upstream, .data = at, .end = end};
	struct message bind;

	memcpy(at, BIND, sizeof BIND - 1);
	memcpy(end - length, bytes, length);
	message_look(at, (size_t)(end - at), &bind);
	prepared_may_surprise(&prepared, &bind, &name);
	return name.remembers;
}

static void test_what_follows(void)
{
	ok(remembers_after(false, "E\0\0\0\x09\0\0\0\0\0", 10), "who executes goes by what it was told");
	ok(remembers_after(false, "D\0\0\0\6S\0", 7), "so does who asks for a statement's columns");
	ok(!remembers_after(true, "D\0\0\0\6P\0", 7), "who asks for the portal's does not");
	ok(!remembers_after(true, "D\0\0\0\6P", 6), "... even if half of that is there");
}

static void test_what_cannot_be_seen(void)
{
	for (int before = 0; before <= 1; before++) {
		is_int(remembers_after(before, "", 0), before, "nothing there: as before");
		is_int(remembers_after(before, "D\0\0\0", 4), before, "half a header: as before");
		for (char length = 0; length <= 6; length++) {
			const char describe[] = {'D', 0, 0, 0, length};
			is_int(remembers_after(before, describe, sizeof describe), before,
			       "nothing behind a header with the length %d: as before", length);
		}
	}
}

int main(void)
{
	map_page();
	test_what_follows();
	test_what_cannot_be_seen();
	return done();
}
