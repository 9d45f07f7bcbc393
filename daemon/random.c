#include "daemon/random.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

bool random_take(struct random_store *store, void *bytes, size_t length)
{
	if (store->left < length) {
		if (length > sizeof store->bytes ||
		    RAND_bytes(store->bytes, sizeof store->bytes) != 1)
			return false;
		store->left = sizeof store->bytes;
	}
	store->left -= length;
	memcpy(bytes, store->bytes + store->left, length);
	OPENSSL_cleanse(store->bytes + store->left, length);
	return true;
}
