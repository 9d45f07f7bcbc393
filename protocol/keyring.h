/*
 * SCRAM keys of the process: those derived from passwords kept as plain text, so that the derivation,
 * milliseconds of work, is done once a password; and the ClientKeys that clients have proved, so that
 * the pooler can log in for them to a server with the same secret. Shared by all workers; its lock is
 * held for look-ups only. Wiped when their secrets are gone, and at the end.
 */
#ifndef MILLPOND_PROTOCOL_KEYRING_H
#define MILLPOND_PROTOCOL_KEYRING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/age_list.h"
#include "protocol/hash_table.h"
#include "protocol/scram.h"

/* Beyond so many the one that was used least recently is forgotten: it is derived, or proved, again. */
#define KEYRING_MOST ((size_t)65536)

struct keyring_entry;

struct keyring_table {
	struct hash_table entries;
	struct age_list by_use;
	struct keyring_entry *unswept; /* it and all newer ones are still to be looked at in this round; or NULL */
	uint32_t round;
};

struct keyring {
	pthread_mutex_t lock;
	unsigned char process_key[SCRAM_KEY_BYTES]; /* of invented salts; changes with each start */
	struct keyring_table derived;
	struct keyring_table proven;
};

/* False when there is no randomness. */
bool keyring_init(struct keyring *keyring);
void keyring_release(struct keyring *keyring);

/*
 * Fills in the secret of a user whose password is known: salt and iterations always, the keys if
 * they have been derived before, which is answered. Otherwise scram_secret_derive() has to be called,
 * elsewhere, and its result noted.
 */
bool keyring_find_derived(struct keyring *keyring, const char *user, const char *password,
			  uint32_t iterations, struct scram_secret *secret);
void keyring_note_derived(struct keyring *keyring, const char *user, const char *password,
			  const struct scram_secret *secret);

/* ClientKeys, by the StoredKey that they belong to: whether one is known; and whether a new one was not known before. */
bool keyring_find_proven(struct keyring *keyring, const unsigned char stored_key[SCRAM_KEY_BYTES],
			 unsigned char client_key[SCRAM_KEY_BYTES]);
bool keyring_note_proven(struct keyring *keyring, const unsigned char stored_key[SCRAM_KEY_BYTES],
			 const unsigned char client_key[SCRAM_KEY_BYTES]);

/*
 * Secrets have changed: a round begins. Then keyring_keep() is called for each that is known, and at last
 * keyring_sweep(), until it answers false. It wipes what nobody has wanted in the round, and looks at no more
 * than `most` keys in one call. A secret may be NULL.
 */
void keyring_begin_round(struct keyring *keyring);
void keyring_keep(struct keyring *keyring, const char *user, const char *secret,
		  uint32_t iterations);
void keyring_keep_proven(struct keyring *keyring, const unsigned char stored_key[SCRAM_KEY_BYTES]);
bool keyring_sweep(struct keyring *keyring, size_t most);

#endif
