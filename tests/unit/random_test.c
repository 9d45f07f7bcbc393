/* Random bytes come from a store, each of them once. */
#include "daemon/random.h"

#include "tests/unit/tap.h"

static bool is_wiped(const struct random_store *store)
{
	for (size_t i = store->left; i < sizeof store->bytes; i++)
		if (store->bytes[i] != 0)
			return false;
	return true;
}

int main(void)
{
	static struct random_store store;
	static unsigned char taken[1000][8];
	unsigned char many[sizeof store.bytes + 1];
	bool good = true, wiped = true;
	unsigned equal = 0;

	for (size_t i = 0; i < 1000; i++) {
		good &= random_take(&store, taken[i], sizeof taken[i]);
		wiped &= is_wiped(&store);
	}
	for (size_t i = 0; i < 1000; i++)
		for (size_t j = 0; j < i; j++)
			equal += memcmp(taken[i], taken[j], sizeof taken[i]) == 0;
	ok(good, "bytes can be taken again and again");
	is_int(equal, 0, "and are never the same");
	ok(wiped, "what was given out is wiped");
	ok(random_take(&store, many, sizeof store.bytes), "all of a store can be taken at once");
	is_int(store.left, 0, "and leave nothing");
	ok(!random_take(&store, many, sizeof many), "more than that cannot");
	return done();
}
