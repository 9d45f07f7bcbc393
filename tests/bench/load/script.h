#pragma once
/*
 * What a client of each workload sends, as ready-made bytes, and what it must get. The expectation is exact,
 * so that a pooler which loses, repeats or mixes up replies fails the run instead of winning it.
 */
#include <stdbool.h>
#include <stddef.h>

/* One round trip: it ends with ReadyForQuery. */
struct exchange {
	const char *request;
	size_t size;
	const char *replies; /* the types of the messages; D stands for all rows together */
	unsigned rows;
	size_t row_size; /* of each DataRow's body */
	char status;	 /* in ReadyForQuery */
};

enum { SCRIPT_STEPS = 4 };

struct script {
	const char *name;
	struct exchange login; /* what it is answered with comes after the proofs */
	unsigned proofs;       /* messages by which a login proves its password */
	struct exchange prepare; /* once per connection, unless its size is 0 */
	struct exchange steps[SCRIPT_STEPS];
	unsigned step_count;
	bool reconnects; /* each transaction has a connection of its own */
};

/* The script of a workload, whose logins are with a password if scram.h has one; or NULL. It stays valid; one at a time. */
const struct script *script_make(const char *workload, const char *user, const char *database);
