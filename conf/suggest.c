#include "conf/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/array.h"

/* Longer words are not typing errors of anything we know. */
enum { LONGEST_WORD = 48 };

/* What is shorter may be the beginning of anything. */
enum { SHORTEST_BEGINNING = 3 };

static bool same_letter(char one, char other)
{
	return tolower((unsigned char)one) == tolower((unsigned char)other);
}

/* Words that others use for the same. What is meant counts only where it is on offer. */
static const struct {
	const char *typed, *meant;
} synonyms[] = {
	{"database", "dbname"},
	{"db", "dbname"},
	{"default_pool_size", "pool_size"},
	{"host", "listen_addr"},
	{"max_clients", "max_client_conn"},
	{"max_connections", "max_client_conn"},
	{"pass", "password"},
	{"pool_size", "default_pool_size"},
	{"port", "listen_port"},
	{"username", "user"},
};

static bool are_synonyms(const char *typed, const char *meant)
{
	for (size_t i = 0; i < ARRAY_SIZE(synonyms); i++)
		if (strcasecmp(synonyms[i].typed, typed) == 0 &&
		    strcmp(synonyms[i].meant, meant) == 0)
			return true;
	return false;
}

static size_t smaller(size_t one, size_t other)
{
	return one < other ? one : other;
}

/*
 * The number of letters to insert, delete, replace or swap with their neighbour. Row i of the usual
 * table holds the distances of the first i letters of `from` to each beginning of `to`; only the
 * last three rows are kept.
 */
static size_t edit_distance(const char *from, const char *to)
{
	size_t rows[3][LONGEST_WORD + 1];
	size_t from_length = strlen(from), to_length = strlen(to);

	for (size_t j = 0; j <= to_length; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= from_length; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3],
		       *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= to_length; j++) {
			size_t replace = above[j - 1] + !same_letter(from[i - 1], to[j - 1]);

			row[j] = smaller(replace, smaller(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && same_letter(from[i - 1], to[j - 2]) &&
			    same_letter(from[i - 2], to[j - 1]))
				row[j] = smaller(row[j], two_above[j - 2] + 1);
		}
	}
	return rows[from_length % 3][to_length];
}

void suggestion_init(struct suggestion *suggestion, const char *word)
{
	*suggestion = (struct suggestion){
		.word = word,
		.distance = strlen(word) / 3 + 2,
	};
}

void suggestion_offer(struct suggestion *suggestion, const char *candidate)
{
	size_t length = strlen(suggestion->word), candidate_length = strlen(candidate), distance;

	if (length > LONGEST_WORD || candidate_length > LONGEST_WORD)
		return;
	if (length >= SHORTEST_BEGINNING && strncasecmp(suggestion->word, candidate, length) == 0) {
		suggestion->longer = candidate;
		suggestion->longer_count++;
	}
	distance = are_synonyms(suggestion->word, candidate) ?
			   0 :
			   edit_distance(suggestion->word, candidate);
	/* To change every letter is not to correct a word. */
	if (distance >= candidate_length || distance >= suggestion->distance)
		return;
	suggestion->nearest = candidate;
	suggestion->distance = distance;
}

const char *suggestion_text(struct suggestion *suggestion)
{
	const char *meant = suggestion->nearest		  ? suggestion->nearest :
			    suggestion->longer_count == 1 ? suggestion->longer :
							    NULL;

	if (meant)
		snprintf(suggestion->text, sizeof(suggestion->text), "; did you mean \"%s\"?",
			 meant);
	return suggestion->text;
}
