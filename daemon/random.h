/*
 * Random bytes for many small needs: OpenSSL's generator is asked for some hundred at once, since it
 * makes a system call and more whenever it is asked. What was given out is wiped here. Not for more
 * than one thread at a time.
 */
#ifndef MILLPOND_DAEMON_RANDOM_H
#define MILLPOND_DAEMON_RANDOM_H

#include <stdbool.h>
#include <stddef.h>

struct random_store {
	size_t left;
	unsigned char bytes[480]; /* the last ones first; as it is at first, all zeros, it is empty */
};

/* Fills `bytes`, up to as many as a store holds. False: the generator has failed. */
bool random_take(struct random_store *store, void *bytes, size_t length);

#endif
