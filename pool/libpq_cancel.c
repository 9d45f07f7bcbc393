#include "pool/libpq_cancel.h"

#include <dlfcn.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct libpq_cancel {
	struct pg_cancel_conn *encrypted; /* NULL: ... */
	PGcancel *clear;
};

/* Functions of PostgreSQL 17, which the libpq that runs may have though the one that we were built with has not. */
static struct {
	struct pg_cancel_conn *(*create)(PGconn *connection);
	int (*send)(struct pg_cancel_conn *cancel);
	char *(*error)(const struct pg_cancel_conn *cancel);
	void (*reset)(struct pg_cancel_conn *cancel);
	void (*finish)(struct pg_cancel_conn *cancel);
} libpq;

static void look_up(void)
{
	libpq.create = (struct pg_cancel_conn * (*)(PGconn *)) dlsym(RTLD_DEFAULT, "PQcancelCreate");
	libpq.send = (int (*)(struct pg_cancel_conn *))dlsym(RTLD_DEFAULT, "PQcancelBlocking");
	libpq.error = (char *(*)(const struct pg_cancel_conn *))dlsym(RTLD_DEFAULT, "PQcancelErrorMessage");
	libpq.reset = (void (*)(struct pg_cancel_conn *))dlsym(RTLD_DEFAULT, "PQcancelReset");
	libpq.finish = (void (*)(struct pg_cancel_conn *))dlsym(RTLD_DEFAULT, "PQcancelFinish");
}

struct libpq_cancel *libpq_cancel_new(struct pg_conn *connection)
{
	static pthread_once_t looked_up = PTHREAD_ONCE_INIT;
	struct libpq_cancel *cancel = calloc(1, sizeof *cancel);

	if (cancel == NULL)
		return NULL;
	pthread_once(&looked_up, look_up);
	if (libpq.create != NULL && PQsslInUse(connection))
		cancel->encrypted = libpq.create(connection);
	else
		cancel->clear = PQgetCancel(connection);
	if (cancel->encrypted != NULL || cancel->clear != NULL)
		return cancel;
	free(cancel);
	return NULL;
}

bool libpq_cancel_send(struct libpq_cancel *cancel, char *error, size_t error_size)
{
	if (cancel->encrypted == NULL)
		return PQcancel(cancel->clear, error, (int)error_size) == 1;
	bool done = libpq.send(cancel->encrypted) == 1;
	if (!done)
		snprintf(error, error_size, "%s", libpq.error(cancel->encrypted));
	libpq.reset(cancel->encrypted);
	return done;
}

void libpq_cancel_free(struct libpq_cancel *cancel)
{
	if (cancel == NULL)
		return;
	if (cancel->encrypted != NULL)
		libpq.finish(cancel->encrypted);
	PQfreeCancel(cancel->clear);
	free(cancel);
}
