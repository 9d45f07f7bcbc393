/*
 * Finds what was probably meant by a mistyped word: the nearest of the words on offer, by edit
 * distance, and only if it is near enough to be helpful; or else the only one that begins with it. A word that others use
 * for the same is as near as can be.
 */
#ifndef MILLPOND_CONF_SUGGEST_H
#define MILLPOND_CONF_SUGGEST_H

#include <stddef.h>

struct suggestion {
	const char *word;    /* as it was typed */
	const char *nearest; /* NULL: nothing near */
	size_t distance;     /* of the nearest; at first, one more than the largest that counts */
	const char *longer;  /* begins with the word */
	int longer_count;
	char text[160];
};

void suggestion_init(struct suggestion *suggestion, const char *word);

/* Offers a word that would have been right; it is kept by reference. */
void suggestion_offer(struct suggestion *suggestion, const char *candidate);

/* `; did you mean "pool_mode"?`, or an empty text; valid as long as the suggestion. */
const char *suggestion_text(struct suggestion *suggestion);

#endif
