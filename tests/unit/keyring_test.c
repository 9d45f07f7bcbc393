/* What the keyring keeps, and what it forgets when there is too much. */

#include <string.h>

#include "protocol/keyring.h"
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

/* As a secret has it. */
static void keep(size_t number)
{
	struct scram_secret secret = {.iterations = 4096, .salt_length = 1};
	char text[SCRAM_TEXT_MOST];

	make_key(secret.stored_key, number);
	scram_secret_print(&secret, text);
	keyring_keep(&keyring, "user", text, 4096);
}

static bool is_derived(const char *password)
{
	struct scram_secret secret;
	return keyring_find_derived(&keyring, "user", password, 4096, &secret);
}

static void derive(const char *password)
{
	struct scram_secret secret = {.iterations = 4096};
	keyring_note_derived(&keyring, "user", password, &secret);
}

static void sweep(size_t most)
{
	while (keyring_sweep(&keyring, most))
		;
}

static void test_rounds(void)
{
	for (size_t i = 1; i <= 6; i++)
		prove(i);
	derive("pencil");
	derive("brush");
	keyring_begin_round(&keyring);
	keep(2);
	keep(7);
	keyring_keep(&keyring, "user", "brush", 4096);
	keyring_keep(&keyring, "user", NULL, 4096);
	ok(is_known(1) && !prove(6) && prove(8), "keys are used and proved in a round");
	ok(keyring_sweep(&keyring, 1), "after one look there are more to be looked at");
	ok(is_known(4) && prove(9), "... while they are used still");
	sweep(1);
	ok(is_known(2), "a key is there whose secret is");
	ok(is_known(1) && is_known(4) && is_known(6), "... or that was used meanwhile");
	ok(is_known(8) && is_known(9), "... or proved");
	ok(!is_known(3) && !is_known(5), "others are not");
	ok(is_derived("brush") && !is_derived("pencil"), "and so with keys of passwords");
	keyring_begin_round(&keyring);
	keep(9);
	sweep(100);
	ok(is_known(9) && !is_known(2) && !is_known(8) && !is_derived("brush"), "the next round knows nothing of the last one");
	keyring_begin_round(&keyring);
	sweep(1);
	ok(!is_known(9) && prove(9) && is_known(9), "where nothing is kept all is forgotten");
}

int main(void)
{
	ok(keyring_init(&keyring), "a keyring");
	test_proven_keys();
	keyring_release(&keyring);
	ok(keyring_init(&keyring), "an empty one");
	test_rounds();
	keyring_release(&keyring);
	return done();
}
