/*
 * The daemon's side of a server connection after its login: its stream, what it owes, and to whom
 * it is lent. Lives from the end of the login until the pool retires the server.
 */
#ifndef MILLPOND_RELAY_UPSTREAM_H
#define MILLPOND_RELAY_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/relay/lone_set.h"
#include "daemon/relay/prepared.h"
#include "daemon/runtime/stream.h"
#include "pool/server.h"
#include "protocol/failure.h"
#include "protocol/pipeline.h"

struct cancel;
struct session;
struct worker;

/* No ReadyForQuery, ParameterStatus or error of our own query is ever longer; of others, what is longer passes
 * in pieces. */
#define LOOKED_AT_BYTES ((size_t)64 * 1024)

struct upstream {
	struct stream stream; /* first: its callback finds the upstream by it */
	struct worker *worker;
	struct server *server;
	struct pipeline pipeline;
	struct session *session; /* to which it is lent, or NULL */
	struct cancel *cancels;	 /* under way */
	size_t left;		 /* to come of a reply whose beginning has been passed on */
	bool left_is_own;	 /* ... or dropped */
	bool torn;		 /* the client left in the middle of a message to it */
	bool listens;		 /* its client has asked for notifications ... */
	bool overhears;		 /* ... or somebody out of our sight: some came that nobody is known to want */
	unsigned may_tie;	 /* what its client may have done there that ties it to it ... */
	unsigned ties;		 /* ... and is known to have: see ties.h */
	bool may_make_table;	 /* likewise: a SELECT without rows may be the making of a table */
	int64_t ties_asked_at;
	unsigned ties_known_at_ready; /* the ready_count then */
	bool has_altered;	 /* its client has, in this transaction: see tag.h */
	bool has_created;
	bool has_rows;		 /* the command that runs returns some, or is about to */
	bool has_set; /* its client may have changed anything that the server does not report */
	bool holds_settings; /* ... and has more of that than can follow it */
	struct parameters
		*touched;	 /* those that it may have changed for certain: see unreported.h */
	uint32_t set_in;	 /* ... from this segment on, see prepared.h */
	struct lone_set lone_set; /* ... if that is all it has done */
	bool is_disguised;	 /* its user may not be the one it was logged in as */
	bool has_reset;		 /* since the last ReadyForQuery: a RESET or DISCARD ALL was done ... */
	struct parameters *returned; /* ... and what of its client's startup may be gone by it; or NULL */
	bool said_error;	 /* the last whole message was an error: perhaps its last word */
	unsigned ready_count;	 /* ReadyForQuery that went to the client */
	struct server_statements statements;
	struct failure own_failure; /* why a query of the pooler's own failed */
};

/* For a server that has just been taken over from libpq. NULL without memory. */
struct upstream *upstream_new(struct worker *worker, struct server *server);
void upstream_free(struct upstream *upstream);

/* Takes its socket out of its worker's loop, in that worker's thread; from then on it is used in the other's
 * thread. It must be lent, and not have a session yet. */
void upstream_move(struct upstream *upstream, struct worker *to);

static inline struct upstream *upstream_of(const struct server *server)
{
	return server->upstream;
}

/* What is for the client. */
struct sifted {
	const char *data; /* valid until the next await, or the next sifting */
	size_t length;
	size_t rest; /* so much of it is due even to a client that may have no block: what came before one was
			begun, or the end of a message whose beginning has been passed on */
	bool in_block; /* the server has told of a block, whether or not it is over */
};

/*
 * Looks at all that was read: notes replies and parameters, and finds what is for the client, which
 * is moved together in `data` itself unless something is added. What is incomplete is kept for the
 * next read. False when the server broke the protocol; or, with ENOMEM, when there is no memory.
 */
bool upstream_sift(struct upstream *upstream, char *data, size_t length, struct sifted *sifted);

/*
 * Gives the answers that are due to what was not sent to the server, if no answer of the server's can
 * bring them along; see pipeline_answer_own(). An empty `sifted` when there are none.
 */
bool upstream_answer_own(struct upstream *upstream, struct sifted *sifted);

/*
 * Reads what the server says while it is lent to nobody: notices and parameters are noted. Returns why it
 * has to be discarded, or NULL: it has said anything else, or an error last, or more than anybody can need;
 * or a notification, which nobody can have asked for any more; or has ended.
 */
const char *upstream_read_at_rest(struct upstream *upstream);

/*
 * Sends a query of the pooler's own to a server at rest and waits until it is answered. False when the
 * query failed, left a transaction open, or the connection failed: then `why` says so, and
 * upstream->pipeline is idle only if the server is good for others all the same.
 */
bool upstream_query(struct upstream *upstream, const char *sql, struct failure *why,
		    int64_t deadline);

/*
 * The same inside a transaction, too, which stays open; what is for the client to which it is lent is added to
 * `replies`.
 */
bool upstream_query_for(struct upstream *upstream, const char *sql, struct writer *replies,
			struct failure *why, int64_t deadline);

/* Sends a request that no client has sent, with a text unless that is NULL; the letter is that for
 * pipeline_request(). False when it cannot be sent. */
bool upstream_ask(struct upstream *upstream, unsigned char letter, const char *text);

/* Collects the replies to what has been sent as if by a client, until none is owed; drops them without a
 * writer. A COPY that wants data is told that there is none. False: the connection failed, or the replies are
 * longer than that. */
bool upstream_collect(struct upstream *upstream, struct writer *replies, size_t longest,
		      int64_t deadline);

/* Collects likewise until that much is there, and perhaps a read more, or nothing is owed. */
bool upstream_collect_some(struct upstream *upstream, struct writer *replies, size_t enough,
			   int64_t deadline);

/* Whether replies to what has been sent, or the end of one, are still to come. */
bool upstream_owes(const struct upstream *upstream);

#endif
