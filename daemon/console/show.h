/*
 * What SHOW shows: tables with PgBouncer's columns. The rows about clients and sockets are written by
 * all workers at once, each about its own; no client moves meanwhile, so each is there once. A long
 * table is written in pieces, between which others have their turn.
 */
#ifndef MILLPOND_CONSOLE_SHOW_H
#define MILLPOND_CONSOLE_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/console/table.h"
#include "protocol/writer.h"

struct pool;
struct pools;
struct server;
struct session;
struct worker;

struct show {
	const char *name;
	const char *heading;
	/* All rows, or those about what a worker has, in that worker's thread. */
	void (*await_rows)(struct table *table, struct worker *here);
	/* `asker`: whose own row is about one that is at work. */
	void (*await_worker_rows)(struct table *table, struct worker *worker,
				  const struct session *asker);
};

enum show_result { SHOWN, NOTHING_TO_SHOW, ONLY_FOR_ADMINS, SHOW_FAILED };

/* Writes the answer, without ReadyForQuery. It fails without memory. No worker is held up for long. */
enum show_result await_show(struct writer *writer, const char *name, const struct session *asker);

/* Writes the RowDescription that the answer will have. False: it will have none. */
bool show_describe(struct writer *writer, const char *name);

/* The names of the tables, from 0; NULL: there are no more. */
const char *show_name(size_t index);

/* Whether drivers ask for it and set it by themselves: it can be shown, and SET has no effect. */
bool show_is_fake(const char *name);

/* The tables, by the file they are in: show_....c. */
extern const struct show show_dns_hosts, show_dns_zones;
extern const struct show show_fds;
extern const struct show show_hba;
extern const struct show show_peers, show_peer_pools;
extern const struct show show_pools, show_databases, show_lists;
extern const struct show show_prepared_statements;
extern const struct show show_clients, show_pinned, show_servers, show_sockets, show_active_sockets;
extern const struct show show_stats, show_stats_totals, show_stats_averages, show_totals;
extern const struct show show_users;
extern const struct show show_workers;

/* How many rows SHOW USERS has. */
size_t show_count_users(const struct worker *worker);

/* Calls `put` for each server of that worker, with the port of its database, and the lock held. */
void show_each_server(struct table *table, struct worker *worker,
		      void (*put)(struct table *table, const struct server *server, uint16_t port));

/* The pools, in the order of their databases' names and their users'; without memory NULL, and the
 * table fails. In any case to be freed: until then none of them is forgotten. */
struct pool **pools_by_names(struct table *table, struct pools *pools, size_t *count);
void pools_by_names_free(struct pools *pools, struct pool **list);

/* Whether the console's row comes now, in front of what is about a database (NULL: behind all): once,
 * where its name belongs. */
bool show_console_is_next(bool *is_put, const char *name);

#endif
