#include "daemon/server/authorities.h"

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct {
	pthread_mutex_t lock;
	X509_STORE *store; /* NULL: none yet */
	char path[1024];
	struct stat status; /* of the file when it was read */
} last = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_last(const char *path, const struct stat *status)
{
	return last.store != NULL && strcmp(last.path, path) == 0 &&
	       last.status.st_dev == status->st_dev && last.status.st_ino == status->st_ino &&
	       last.status.st_size == status->st_size &&
	       last.status.st_mtim.tv_sec == status->st_mtim.tv_sec &&
	       last.status.st_mtim.tv_nsec == status->st_mtim.tv_nsec;
}

static X509_STORE *load(const char *path)
{
	X509_STORE *store = X509_STORE_new();

	if (store != NULL && X509_STORE_load_locations(store, path, NULL) == 1)
		return store;
	X509_STORE_free(store);
	return NULL;
}

static void keep(X509_STORE *store, const char *path, const struct stat *status)
{
	if (strlen(path) >= sizeof last.path || X509_STORE_up_ref(store) != 1)
		return;
	X509_STORE_free(last.store);
	last.store = store;
	snprintf(last.path, sizeof last.path, "%s", path);
	last.status = *status;
}

X509_STORE *authorities_read(const char *path)
{
	struct stat status = {0};
	X509_STORE *store;

	/* Before it is read: if it is replaced meanwhile, the next login sees that. */
	bool is_there = stat(path, &status) == 0;
	pthread_mutex_lock(&last.lock);
	if (is_there && is_last(path, &status)) {
		store = X509_STORE_up_ref(last.store) == 1 ? last.store : NULL;
	} else {
		store = load(path);
		if (store != NULL && is_there)
			keep(store, path, &status);
	}
	pthread_mutex_unlock(&last.lock);
	return store;
}
