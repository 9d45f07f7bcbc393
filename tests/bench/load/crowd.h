#pragma once
/*
 * N clients on one epoll set. At first each of them logs in and rests; then either the crowd runs, and each
 * repeats its script as fast as it is answered, or single exchanges are asked of single clients.
 * A reply that is not as expected, or a connection that ends, is fatal while the crowd runs; before that
 * the client counts as lost.
 */
#include "tests/bench/load/channel.h"
#include "tests/bench/load/histogram.h"
#include "tests/bench/load/reply.h"
#include "tests/bench/load/script.h"

#include <netinet/in.h>

struct client {
	struct channel channel; /* closed when lost */
	enum { CLIENT_LOGS_IN, CLIENT_PREPARES, CLIENT_WORKS } phase;
	bool is_sent; /* the request at hand; false until the connection is established */
	bool is_busy; /* waits for a reply */
	uint8_t step;
	uint8_t proofs; /* given in this login */
	struct reply reply;
	uint64_t started_ns; /* the transaction at hand */
	uint64_t transactions;
};

struct crowd {
	int poll;
	const struct script *script;
	struct sockaddr_in server;
	bool runs;
	struct client *clients;
	unsigned count;
	unsigned logged_in, lost, answered; /* answered: single exchanges */
	uint64_t connections;

	uint64_t transactions, bytes;
	struct histogram latency;
};

uint64_t now_ns(void);
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

void crowd_init(struct crowd *crowd, const struct script *script, unsigned port, unsigned count);
void crowd_release(struct crowd *crowd);

/* Connects the clients from `first` on, all at once; crowd_poll() lets them log in. */
void crowd_connect(struct crowd *crowd, unsigned first, unsigned count);

/* From now on everyone works: those that are logged in, or all when the script reconnects. */
void crowd_run(struct crowd *crowd);

void crowd_ask(struct crowd *crowd, unsigned number, const struct exchange *exchange);

/* Handles what has happened, waiting up to `timeout_ms` for something. */
void crowd_poll(struct crowd *crowd, int timeout_ms);

/* Forgets what was counted so far. */
void crowd_reset(struct crowd *crowd);
