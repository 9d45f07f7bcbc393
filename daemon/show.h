/*
 * What SHOW shows: tables with PgBouncer's columns. Each is written whole, between two awaits, so it
 * is one moment's truth.
 */
#ifndef MILLPOND_DAEMON_SHOW_H
#define MILLPOND_DAEMON_SHOW_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/table.h"
#include "protocol/writer.h"

struct pool;
struct pools;
struct session;

struct show {
	const char *name;
	const char *heading;
	void (*rows)(struct table *table, const struct session *asker);
};

/* Writes the answer, without ReadyForQuery. False: there is no such thing to show. */
bool show_write(struct writer *writer, const char *name, const struct session *asker);

/* Writes the RowDescription that the answer will have. False: it will have none. */
bool show_describe(struct writer *writer, const char *name);

/* The names of the tables, from 0; NULL: there are no more. */
const char *show_name(size_t index);

/* Whether drivers ask for it and set it by themselves: it can be shown, and SET has no effect. */
bool show_is_fake(const char *name);

/* The tables, by the file they are in: show_sockets.c, show_pools.c, show_stats.c. */
extern const struct show show_clients, show_servers, show_sockets, show_active_sockets;
extern const struct show show_pools, show_databases, show_users, show_lists;
extern const struct show show_stats, show_stats_totals, show_stats_averages, show_totals;

/* The pools, in the order of their databases' names; NULL without memory, or if there are none.
 * To be freed. */
struct pool **pools_by_database(const struct pools *pools, size_t *count);

#endif
