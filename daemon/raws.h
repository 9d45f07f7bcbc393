/*
 * What a server connection has under the names that clients have given it by SQL, and not under ours:
 * a list, the newest first.
 */
#ifndef MILLPOND_DAEMON_RAWS_H
#define MILLPOND_DAEMON_RAWS_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/statement.h"

struct server_statements;

struct raw {
	struct raw *next;
	struct statement *statement; /* held; NULL: it is not known what, if anything */
	uint32_t going; /* the reading in which the first that is done with it is to deallocate it */
	uint32_t length;
	char name[];
};

struct raw *raw_find(const struct server_statements *server, const char *name, size_t length);

/* The one of that name, made if it is new. NULL without memory. */
struct raw *raw_make(struct server_statements *server, const char *name, size_t length);
void raw_remove(struct server_statements *server, struct raw *raw);

/* NULL: it is not known what the server has, if anything. */
void raw_set(struct raw *raw, struct statement *statement);

/* The same for a name of which the server may have nothing; and for all names. */
void raws_forget(struct server_statements *server, const char *name, size_t length);
void raws_clear(struct server_statements *server);

#endif
