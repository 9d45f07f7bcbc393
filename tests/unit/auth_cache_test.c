/* How many users the cache of auth_query's answers keeps, and whom it forgets when there are more. */
#include "daemon/login/auth_cache.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/runtime/loop.h"
#include "tests/unit/tap.h"

static struct auth_cache cache;

static const char *name_of(size_t number)
{
	static char name[32];

	snprintf(name, sizeof name, "user%zu", number);
	return name;
}

/* Nobody else asks, so it is never waited for. NULL: it was known. */
static struct auth_cache_entry *come(size_t number)
{
	char secret[] = "secret";
	struct user_record record;
	struct failure why;

	if (await_auth_turn(&cache, NULL, "source", name_of(number), 0, &record, &why,
			    DEADLINE_NEVER) != AUTH_TURN_YOURS)
		return NULL;
	record = (struct user_record){.is_known = true, .secret = secret};
	auth_cache_answer(&cache, "source", name_of(number), &record);
	return record.entry;
}

static bool come_and_go(size_t number)
{
	struct auth_cache_entry *entry = come(number);

	if (entry != NULL)
		auth_cache_leave(&cache, entry, 1);
	return entry != NULL;
}

static bool is_kept(size_t number)
{
	char *secret = auth_cache_copy_secret(&cache, "source", name_of(number));

	free(secret);
	return secret != NULL;
}

static void test_limit(void)
{
	bool learned = true;

	for (size_t i = 0; i < AUTH_CACHE_MOST; i++)
		learned &= come_and_go(i);
	ok(learned && is_kept(0) && is_kept(AUTH_CACHE_MOST - 1), "as many as there may be");
	ok(come_and_go(AUTH_CACHE_MOST) && is_kept(AUTH_CACHE_MOST), "one more");
	ok(!is_kept(0) && is_kept(1), "... has the oldest forgotten");
	ok(come(1) != NULL && come_and_go(AUTH_CACHE_MOST + 1), "one more, while the oldest has a client");
	ok(is_kept(1) && !is_kept(2), "... has the next one forgotten");
}

int main(void)
{
	auth_cache_init(&cache);
	test_limit();
	auth_cache_release(&cache);
	return done();
}
