/* What has come of a text is known for its pool, of short texts of ASCII, until there are too many of them. */
#include "daemon/relay/set_cache.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/tap.h"

static struct set_cache *cache;

static void add(uint64_t pool, const char *text, const char *value)
{
	set_cache_add(&cache, pool, text, strlen(text), value);
}

static const char *find(uint64_t pool, const char *text)
{
	return set_cache_find(cache, pool, text, strlen(text));
}

static const char *numbered(int i)
{
	static char text[32];

	snprintf(text, sizeof text, "set a = %d", i);
	return text;
}

int main(void)
{
	char long_value[600];

	ok(find(1, "set a = 1") == NULL, "an empty one knows nothing");
	add(1, "set a = 1", "one");
	add(2, "set a = 1", "two");
	is_text(find(1, "set a = 1"), "one", "what was told in one pool ...");
	is_text(find(2, "set a = 1"), "two", "... and in another");
	ok(find(3, "set a = 1") == NULL, "... and not in a third");
	ok(find(1, "set a = ") == NULL && find(1, "set a = 10") == NULL &&
		   find(1, "SET a = 1") == NULL,
	   "nor of a text that differs");

	add(1, "set b = 1", "\303\274");
	ok(find(1, "set b = 1") == NULL, "a value that is not of ASCII is not kept");
	memset(long_value, 'x', sizeof long_value - 1);
	long_value[sizeof long_value - 1] = '\0';
	add(1, "set b = 1", long_value);
	ok(find(1, "set b = 1") == NULL, "nor is a long one");
	add(1, "set a = 1", "another");
	is_text(find(1, "set a = 1"), "one", "what is there stays");

	for (int i = 2; i < SET_CACHE_MOST; i++)
		add(1, numbered(i), "many");
	ok(find(1, "set a = 1") != NULL && find(2, "set a = 1") != NULL,
	   "as long as there is room");
	add(3, "set a = 1", "three");
	ok(find(1, numbered(2)) == NULL && find(1, numbered(3)) != NULL &&
		   find(3, "set a = 1") != NULL,
	   "then what was not used for longest makes room");
	set_cache_free(cache);
	set_cache_free(NULL);
	return done();
}
