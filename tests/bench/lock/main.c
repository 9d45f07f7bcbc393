/*
 * How long the lock of the pools is held, in nanoseconds: threads lend a resting server and return it, each
 * from the one pool that all share, as fast as they can.
 *
 *	lock [--threads=1] [--rounds=1000000]
 *
 * Prints one line of key=value: ns_per_pair, wall time of a thread for one lending and returning, which
 * take the lock once each.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pool/pools.h"

enum { THREADS_MOST = 64 };

static struct pools pools;
static struct pool *pool;
static struct server *dialled[THREADS_MOST];
static size_t dialled_count;
static long rounds = 1000000;

static void dial(void *context, struct server *batch)
{
	(void)context;
	for (; batch != NULL; batch = batch->next_in_batch)
		dialled[dialled_count++] = batch;
}

static void check(void *context, struct server *server)
{
	(void)context;
	(void)server;
}

static void retire(void *context, struct server *server)
{
	(void)context;
	server_free(server);
}

static void answered(struct borrower *borrower)
{
	(void)borrower;
}

static const struct pool_calls calls = {dial, check, retire};

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void *lend_and_return(void *arg)
{
	unsigned worker = (unsigned)(uintptr_t)arg;
	int64_t now = now_ns() / 1000;

	for (long i = 0; i < rounds; i++) {
		struct server *server = pool_lend_idle(pool, worker, now);
		if (server == NULL)
			abort();
		pool_return(&server, now);
	}
	return NULL;
}

static struct settings *make_settings(void)
{
	static const char text[] = "[millpond]\nauth_type = any\ndefault_pool_size = 64\n"
				   "server_check_delay = 3600\nserver_lifetime = 3600\n"
				   "[databases]\na = host=x\n";
	char path[] = "/tmp/lock-XXXXXX";
	struct fault_list faults;
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, text, sizeof text - 1) != (ssize_t)sizeof text - 1)
		abort();
	close(fd);
	fault_list_init(&faults);
	struct settings *settings = settings_load(path, &faults);
	unlink(path);
	fault_list_release(&faults);
	if (settings == NULL)
		abort();
	return settings;
}

/* A server at home with each thread. */
static void make_servers(unsigned threads)
{
	int64_t now = now_ns() / 1000;
	static struct borrower borrowers[THREADS_MOST];

	for (unsigned i = 0; i < threads; i++) {
		borrowers[i] = (struct borrower){.worker = i, .answered = answered};
		pool_lend(pool, &borrowers[i], now);
	}
	for (size_t i = 0; i < dialled_count; i++)
		pool_dial_succeeded(dialled[i], now);
	for (unsigned i = 0; i < threads; i++)
		pool_return(&borrowers[i].server, now);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"threads", required_argument, NULL, 't'},
						{"rounds", required_argument, NULL, 'r'},
						{NULL, 0, NULL, 0}};
	pthread_t ids[THREADS_MOST];
	unsigned threads = 1;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 't')
			threads = (unsigned)atoi(optarg);
		else if (option == 'r')
			rounds = atol(optarg);
		else
			return 1;
	}
	if (threads < 1 || threads > THREADS_MOST)
		return 1;
	struct settings *settings = make_settings();
	if (!pools_init(&pools, settings, threads, &calls, NULL, 1))
		return 1;
	pool = pools_join(&pools, settings_find_database(settings, "a"), "a", "me", NULL);
	settings_drop(settings);
	make_servers(threads);

	int64_t began = now_ns();
	for (uintptr_t i = 0; i < threads; i++)
		pthread_create(&ids[i], NULL, lend_and_return, (void *)i);
	for (unsigned i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	printf("threads=%u ns_per_pair=%.1f\n", threads,
	       (double)(now_ns() - began) / (double)rounds);
	return 0;
}
