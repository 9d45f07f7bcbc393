/*
 * What a server connection has under the names that clients have given it by SQL, and not under ours.
 * Belongs to the connection.
 */
#ifndef MILLPOND_RELAY_SQL_NAMES_H
#define MILLPOND_RELAY_SQL_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/age_list.h"
#include "protocol/hash_table.h"
#include "protocol/statement.h"

struct sql_name {
	struct aged aged;	     /* by when it was made; its link by the name */
	struct statement *statement; /* held; NULL: it is not known what, if anything */
	uint32_t alterations;	     /* how many there had been when it was prepared ... */
	uint32_t creator;	     /* ... and in which transaction, see prepared_creator() */
	uint32_t going; /* in this reading the first that is done with it is to deallocate it */
	uint32_t length;
	char name[];
};

struct sql_names {
	struct hash_table table;
	struct age_list by_age;
};

/* NULL: none of that name. */
struct sql_name *sql_name_find(const struct sql_names *set, const char *name, size_t length);

/* The one of that name, made if it is new. NULL without memory. */
struct sql_name *sql_name_make(struct sql_names *set, const char *name, size_t length);
void sql_name_remove(struct sql_names *set, struct sql_name *sql_name);

/* NULL: it is not known what the server has, if anything. */
void sql_name_set(struct sql_name *sql_name, struct statement *statement);

/* The same for a name of which the server may have nothing. */
void sql_names_forget(const struct sql_names *set, const char *name, size_t length);

/* Removes them all. */
void sql_names_clear(struct sql_names *set);

#endif
