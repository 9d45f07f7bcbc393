/* What the keyring keeps, and what it forgets when there is too much. */
#include "daemon/keyring.h"

#include <string.h>

#include "tests/unit/tap.h"

static struct keyring keyring;

static void make_key(unsigned char key[SCRAM_KEY_BYTES], size_t number)
{
	memset(key, 0, SCRAM_KEY_BYTES);
	memcpy(key, &number, sizeof number);
}

static bool prove(size_t number)
{
	unsigned char key[SCRAM_KEY_BYTES];

	make_key(key, number);
	return keyring_note_proven(&keyring, key, key);
}

static bool is_known(size_t number)
{
	unsigned char key[SCRAM_KEY_BYTES], found[SCRAM_KEY_BYTES];

	make_key(key, number);
	return keyring_find_proven(&keyring, key, found) && memcmp(found, key, sizeof key) == 0;
}

static void test_proven_keys(void)
{
	bool is_kept = true;

	ok(!is_known(0), "a key that nobody has proved is not known");
	ok(prove(0), "one that is proved is news");
	ok(is_known(0) && !prove(0), "... once");
	for (size_t i = 1; i < KEYRING_MOST; i++)
		is_kept &= prove(i) && (i % 1000 != 0 || is_known(0));
	ok(is_kept, "as many as there may be");
	ok(prove(KEYRING_MOST) && is_known(KEYRING_MOST), "one more");
	ok(!is_known(1), "... has the one forgotten that was used least recently");
	ok(is_known(0), "... and not the first, which is in use");
	ok(prove(1) && is_known(1), "what was forgotten is proved again");
	ok(!is_known(2) && is_known(3) && is_known(0), "... in the place of the next");
}

int main(void)
{
	ok(keyring_init(&keyring), "a keyring");
	test_proven_keys();
	keyring_release(&keyring);
	return done();
}
