/*
 * The prepared statements that one server connection holds for its clients, under our names, in the
 * order of their last use. Belongs to the connection.
 */
#ifndef MILLPOND_PROTOCOL_HELD_H
#define MILLPOND_PROTOCOL_HELD_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/age_list.h"
#include "protocol/hash_table.h"
#include "protocol/statement.h"

struct held {
	struct aged aged; /* by use; its link by the statement's number */
	struct statement *statement;
	uint32_t segment; /* in which it was parsed */
	uint32_t shape;	  /* of its result, see daemon/relay/prepared_shape.c; 0: not known */
	uint32_t parameters; /* ... and of its parameters' types */
	uint32_t alterations; /* how many there had been when it was parsed, see prepared_alterations() */
	uint32_t creator; /* the transaction in which it was parsed, if that had created something; or 0 */
	bool pending;	  /* it was parsed ... and the server has not said yet whether it could */
	bool doubtful;	  /* ... or how it has understood the literals */
	bool stale;	  /* not to be used as it is: close it, and parse it anew */
};

struct held_set {
	struct hash_table table;
	struct age_list by_use;
};

/* NULL: the server does not hold it. */
struct held *held_find(const struct held_set *set, uint64_t statement_id);

/* Adds a statement, which it holds, as the newest. NULL without memory. */
struct held *held_add(struct held_set *set, struct statement *statement);
void held_remove(struct held_set *set, struct held *held);

/* It is being used: the newest now. */
void held_touch(struct held_set *set, struct held *held);

/* The one that has gone unused for longest, of those that are not pending; or NULL. */
struct held *held_least_used(const struct held_set *set);

void held_clear(struct held_set *set);

#endif
