/*
 * What the clients of the console do is counted like that of a pool's, and shown as the database
 * `pgbouncer`. Each worker counts for the consoles it has.
 */
#ifndef MILLPOND_CONSOLE_CONSOLE_STATS_H
#define MILLPOND_CONSOLE_CONSOLE_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "pool/stats.h"

struct daemon;
struct session;

/* A message has come; the first behind a ReadyForQuery begins a query, and outside a block a transaction. */
void console_stats_ask(struct session *session, size_t bytes);

/* So much is being sent. */
void console_stats_send(struct session *session, size_t bytes);

/* ReadyForQuery is about to be said. */
void console_stats_ready(struct session *session);

void console_stats_login(struct session *session);

/* The counters of all workers, now and as the last period began; answers when that was. From any thread. */
int64_t console_stats_look(struct daemon *daemon, struct stats *total, struct stats *before);

/* In the main thread: a period has begun. */
void console_stats_end_period(struct daemon *daemon);

#endif
