/* A mistyped word finds the one that was meant, and a strange one finds nothing. */
#include "conf/suggest.h"
#include "tests/unit/tap.h"

static const char *nearest(const char *word)
{
	static const char *const words[] = {
		"pool_mode", "pool_size", "min_pool_size", "default_pool_size",
		"user",	     "host",	  "port",	   "verbose"};
	struct suggestion suggestion;

	suggestion_init(&suggestion, word);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		suggestion_offer(&suggestion, words[i]);
	return suggestion.nearest;
}

int main(void)
{
	struct suggestion suggestion;
	char long_word[10000];

	is_text(nearest("defualt_pool_size"), "default_pool_size", "two letters swapped");
	is_text(nearest("pool_mod"), "pool_mode", "a letter missing");
	is_text(nearest("pool_sise"), "pool_size", "a wrong letter");
	is_text(nearest("poool_size"), "pool_size", "a letter too many");
	is_text(nearest("POOL_SIZE"), "pool_size", "capitals");
	is_text(nearest("hots"), "host", "a short word");
	is_text(nearest("pool-mode"), "pool_mode", "a dash");
	is_text(nearest("pool_mode"), "pool_mode", "the word itself");
	is_text(nearest("log_everything"), NULL, "nothing near");
	is_text(nearest("x"), NULL, "a single letter");
	is_text(nearest(""), NULL, "no letter");
	is_text(nearest("username"), "user", "what others call it");
	is_text(nearest("database"), NULL, "but only where that is on offer");

	memset(long_word, 'p', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	is_text(nearest(long_word), NULL, "a very long word");

	suggestion_init(&suggestion, "trans");
	suggestion_offer(&suggestion, "session");
	suggestion_offer(&suggestion, "transaction");
	is_text(suggestion_text(&suggestion), "; did you mean \"transaction\"?",
		"the only one that begins so");
	suggestion_init(&suggestion, "trans");
	suggestion_offer(&suggestion, "transaction");
	suggestion_offer(&suggestion, "transmission");
	is_text(suggestion_text(&suggestion), "", "none of several");
	suggestion_init(&suggestion, "tr");
	suggestion_offer(&suggestion, "transaction");
	is_text(suggestion_text(&suggestion), "", "two letters are the beginning of anything");

	suggestion_init(&suggestion, "prot");
	is_text(suggestion_text(&suggestion), "", "nothing is suggested at first");
	suggestion_offer(&suggestion, long_word);
	suggestion_offer(&suggestion, "port");
	is_text(suggestion_text(&suggestion), "; did you mean \"port\"?", "the end of a sentence");
	return done();
}
