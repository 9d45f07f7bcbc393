#include "daemon/runtime/fold.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdint.h>
#include <stdlib.h>

#define WORD_BYTES sizeof(uint64_t)
#define WORDS_MOST (FOLD_MOST_BYTES / WORD_BYTES)

struct folded {
	size_t count;
	uint64_t places[WORDS_MOST / 64]; /* a bit for each word of the block: it is not zero */
	uint64_t words[];
};

size_t folded_bytes(const struct folded *folded)
{
	return sizeof *folded + folded->count * WORD_BYTES;
}

struct folded *fold(const void *block, size_t bytes)
{
	const uint64_t *words = block;
	size_t count = 0;

	assert(bytes <= FOLD_MOST_BYTES && bytes % WORD_BYTES == 0);
	for (size_t i = 0; i < bytes / WORD_BYTES; i++)
		count += words[i] != 0;
	struct folded *folded = malloc(sizeof *folded + count * WORD_BYTES);
	if (folded == NULL)
		return NULL;
	*folded = (struct folded){.count = count};
	for (size_t i = 0, kept = 0; i < bytes / WORD_BYTES; i++) {
		if (words[i] == 0)
			continue;
		folded->places[i / 64] |= UINT64_C(1) << i % 64;
		folded->words[kept++] = words[i];
	}
	return folded;
}

void unfold(struct folded *folded, void *block)
{
	uint64_t *words = block;
	size_t kept = 0;

	for (size_t i = 0; i < WORDS_MOST / 64; i++)
		for (uint64_t left = folded->places[i]; left != 0; left &= left - 1)
			words[i * 64 + (size_t)__builtin_ctzll(left)] = folded->words[kept++];
	OPENSSL_cleanse(folded, folded_bytes(folded));
	free(folded);
}
