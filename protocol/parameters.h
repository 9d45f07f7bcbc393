/*
 * Sets of run-time parameters (client_encoding, TimeZone, ...), as ParameterStatus reports them and
 * SET changes them. A set is immutable and interned: two sets with the same content are the same
 * pointer, so "does this server have what that client wants?" is one comparison.
 *
 * Whoever stores a set holds it, and drops it when done. A table and its sets may be used by all
 * threads; a slot (struct parameters **) belongs to one of them.
 * Source: PostgreSQL manual, "Asynchronous Operations" (which parameters are reported).
 */
#ifndef MILLPOND_PROTOCOL_PARAMETERS_H
#define MILLPOND_PROTOCOL_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/writer.h"

struct parameters;
struct parameter_table;

/* NULL without memory. */
struct parameter_table *parameter_table_new(void);
void parameter_table_free(struct parameter_table *table); /* all sets must have been dropped */

/* How many sets it has; for tests. */
size_t parameter_table_count(struct parameter_table *table);

/* The empty set; need not be held. */
struct parameters *parameters_empty(struct parameter_table *table);

/* What is NULL is neither held nor dropped. */
struct parameters *parameters_hold(struct parameters *set);
void parameters_drop(struct parameters *set);

/* Replaces *slot, which holds a set, by that set with one value changed, or removed by NULL. False:
 * no memory, and *slot is as it was. Names are compared without regard to case. */
bool parameters_change(struct parameters **slot, const char *name, const char *value);

/* Makes *slot hold `set`, or NULL, and drops what it held before. */
void parameters_assign(struct parameters **slot, struct parameters *set);

/*
 * Whether a server of that pool (by its number, from 1) has accepted all values of the set. Before
 * that a client's values are not to be relied on, and are tried by themselves.
 */
bool parameters_are_proven(const struct parameters *set, uint64_t pool);
void parameters_prove(struct parameters *set, uint64_t pool);

/* The value, or NULL. */
const char *parameters_get(const struct parameters *set, const char *name);

/* The name as the set spells it, or NULL. */
const char *parameters_spelling(const struct parameters *set, const char *name);

/* Whether it may decide what a text's literals mean when it is parsed: encoding, dates, escapes, and where
 * their types, and those of parameters, are found. Any that is not known here may, but for those with a dot in
 * their name, which are an extension's or the application's own. */
bool parameter_shapes_literals(const char *name);

/* What does so for a client that starts with one set and wishes another: a set of its own, held. NULL without
 * memory. */
struct parameters *parameters_for_literals(const struct parameters *start,
					   const struct parameters *wished);

/* All of a set, sorted by name. */
size_t parameters_count(const struct parameters *set);
const char *parameters_name(const struct parameters *set, size_t index);
const char *parameters_value(const struct parameters *set, size_t index);

/* Whether a parameter only reports what the server is, and cannot be SET. */
bool parameter_is_read_only(const char *name);

/*
 * Whether a client goes on with the value that it was told, whatever its server starts with: those of PostgreSQL's own
 * that every client can SET. Not default_transaction_read_only and scram_iterations, by which an operator keeps writers
 * out and secrets hard to guess; what else a server reports, an extension's or another product's, may be for some to
 * set, or for nobody.
 */
bool parameter_is_kept(const char *name);

/* The parameters of a server. */
struct server_parameters {
	const struct parameters *origin;     /* where it started ... */
	const struct parameters *base;	     /* ... and its clients do */
	const struct parameters *reported;   /* what it now says of itself */
	const struct parameters *applied;    /* the wishes that are in force; NULL: not known */
	const struct parameters *unreported; /* names that were set and that it does not report */
};

/*
 * Writes one Query that brings a server from what was applied on it to what a client wishes: SET for
 * the differences, RESET for what only the former client wished. False, and nothing written: nothing
 * to do.
 */
bool parameters_write_change(struct writer *writer, const struct server_parameters *server,
			     const struct parameters *wished);

#endif
