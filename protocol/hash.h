/* FNV-1a in 32 bits, for tables and for what is told apart by a number; anybody can make it collide. */
#ifndef MILLPOND_PROTOCOL_HASH_H
#define MILLPOND_PROTOCOL_HASH_H

#include <stddef.h>
#include <stdint.h>

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

#endif
