/*
 * What comes of the texts of SETs, as servers have told, so that a server need not be asked after each. A text counts for
 * one pool, whose servers are alike. Belongs to a worker, and is used in its thread only; what was not used for longest
 * makes room for what is new.
 */
#ifndef MILLPOND_RELAY_SET_CACHE_H
#define MILLPOND_RELAY_SET_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct set_cache;

/* So many texts of all pools. */
#define SET_CACHE_MOST 1024

/* The value, as the server spells it, until the cache is changed; or NULL. The cache may be NULL. */
const char *set_cache_find(struct set_cache *cache, uint64_t pool, const char *text, size_t length);

/* Adds a value, if it is of ASCII and not long, for a text that is not there. Makes the cache if it is NULL. Without memory nothing is added. */
void set_cache_add(struct set_cache **cache, uint64_t pool, const char *text, size_t length,
		   const char *value);

void set_cache_free(struct set_cache *cache);

#endif
