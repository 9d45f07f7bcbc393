/* FNV-1a in 32 bits, for tables and for what is told apart by a number; anybody can make it collide. */
#ifndef MILLPOND_PROTOCOL_HASH_H
#define MILLPOND_PROTOCOL_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_START UINT32_C(2166136261)

/* Goes on with a hash, which begins as HASH_START. */
static inline uint32_t hash_number(uint32_t hash, uint32_t number)
{
	return (hash ^ number) * UINT32_C(16777619);
}

static inline uint32_t hash_bytes(uint32_t hash, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = hash_number(hash, (unsigned char)bytes[i]);
	return hash;
}

/* The hash of a text. */
static inline uint32_t hash_text(const char *text)
{
	return hash_bytes(HASH_START, text, strlen(text));
}

/* Never 0, which is free to stand for no text. */
static inline uint32_t hash_text_nonzero(const char *text)
{
	return hash_text(text) | 1;
}

/* Of two texts; what ends the one does not begin the other. */
static inline uint32_t hash_two_texts(const char *one, const char *other)
{
	uint32_t hash = hash_bytes(HASH_START, one, strlen(one) + 1);

	return hash_bytes(hash, other, strlen(other));
}

#endif
