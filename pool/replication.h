/*
 * What a replication client says when it connects, and what its server is told in turn. Such a
 * client has a server of its own, that nobody has used before and nobody will use after it; since it
 * must be logged in to with these words, clients with different words are in different pools.
 * Source: PostgreSQL manual, "Streaming Replication Protocol".
 */
#ifndef MILLPOND_POOL_REPLICATION_H
#define MILLPOND_POOL_REPLICATION_H

#include <stdbool.h>

#include "protocol/startup.h"

/* Texts may be NULL. */
struct replication {
	enum replication_mode mode; /* not REPLICATION_NONE */
	char *options; /* as they came */
	char *application_name;
	char *client_encoding;
};

/* A copy of its own; NULL without memory, or of NULL. */
struct replication *replication_copy(const struct replication *replication);
void replication_free(struct replication *replication);

/* NULL is equal to NULL: no replication. */
bool replication_is_equal(const struct replication *one, const struct replication *other);

/* `logical`, `physical`, or `none` of NULL, as SHOW CLIENTS has it. */
const char *replication_name(const struct replication *replication);

#endif
