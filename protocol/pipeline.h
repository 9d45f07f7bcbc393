/*
 * What a server owes: the requests sent to one server connection that it has not answered yet, in
 * their order, and the transaction status it last reported. It answers the one question on which
 * everything depends: may this connection go to somebody else?
 *
 * Each request that ends in a reply of its own stands in a queue as its letter; each such reply
 * takes one away. After an error the server skips to the next Sync, and so does the queue.
 * Source: PostgreSQL manual, "Message Flow": Extended Query, Pipelining, COPY Operations.
 */
#ifndef MILLPOND_PROTOCOL_PIPELINE_H
#define MILLPOND_PROTOCOL_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/message.h"

#define PIPELINE_INLINE 32

/*
 * In the queue beside the client's requests: the pooler's own, of whose replies the client hears
 * nothing. An error in reply to one of them is the client's all the same, since the request stands
 * for one of the client's; only the error of a Query is not.
 */
#define PIPELINE_OWN_QUERY 'q'
#define PIPELINE_OWN_PARSE 'p'
#define PIPELINE_OWN_BIND 'b'
#define PIPELINE_OWN_DESCRIBE 'y'
#define PIPELINE_OWN_EXECUTE 'x'
#define PIPELINE_OWN_CLOSE 'k'
#define PIPELINE_OWN_SYNC 's'

/* ... and what was not sent: the pooler answers it when its turn comes, see pipeline_answer_own(). */
#define PIPELINE_LOCAL_PARSE '1'
#define PIPELINE_LOCAL_CLOSE '3'

/* Added to any of these letters: its end is counted in `noted`, for whoever keeps notes on it. */
#define PIPELINE_NOTED 0x80u

/* The letter itself. */
static inline unsigned char pipeline_letter(unsigned char noted)
{
	return (unsigned char)(noted & ~PIPELINE_NOTED);
}

/* A client that is this far ahead is not read from until the server catches up. */
#define PIPELINE_LONGEST ((size_t)65536)

struct pipeline {
	unsigned char *queue; /* a ring of letters */
	uint32_t capacity;    /* a power of two */
	uint32_t first;
	uint32_t count;
	unsigned char head; /* the first letter of the queue, 0: there is none */
	char status;	    /* of ReadyForQuery: 'I', 'T', 'E' */
	uint32_t silent; /* of the queue: what the server does not answer */
	uint32_t noted;	 /* of what the last reply ended, or skipped: how many had PIPELINE_NOTED */
	bool unsynced; /* extended messages were sent since the last Sync or Query */
	bool unguarded; /* ... or since the last Sync: an error in them has a Query skipped, too */
	bool skipping; /* the server ignores everything up to a Sync not yet sent */
	bool copying_in;
	bool copy_ended;  /* ... and the client has sent CopyDone or CopyFail */
	uint32_t copied_syncs; /* Syncs that were sent while copying in: the server ignores those */
	bool doubtful;	  /* one more reply than is owed may come, see pipeline_request() */
	bool lost;	  /* ... and so nobody knows what is owed: only errors are taken */
	bool probed;	  /* ... not any more: the empty query that asks has been answered */
	bool own_failed;  /* an own query ended in an error, since somebody last set this back */
	unsigned char inline_queue[PIPELINE_INLINE];
};

void pipeline_init(struct pipeline *pipeline);
void pipeline_release(struct pipeline *pipeline);

enum reply {
	REPLY_FORWARD, /* it is the client's */
	REPLY_SWALLOW, /* it answers a request of the pooler's own */
	REPLY_WRONG,   /* nothing that was asked for can have such a reply: close the connection */
};

/*
 * Notes a request that is being sent, or answered here: its letter, which is the client's or one of
 * PIPELINE_OWN_... and PIPELINE_LOCAL_..., perhaps with PIPELINE_NOTED. False when there is no memory
 * for it.
 *
 * When an error has made the pipeline `doubtful` (see pipeline.c), whoever holds the connection
 * sends an empty query of its own as soon as the pipeline is settled, and nothing else before that
 * one is answered: what comes in front of the answer is the client's.
 */
bool pipeline_request(struct pipeline *pipeline, unsigned char letter);

/* Notes a reply and says whose it is; ReadyForQuery brings its status. */
enum reply pipeline_reply(struct pipeline *pipeline, unsigned char letter, char status);

/*
 * Takes from the head of the queue what the pooler answers itself: the letter of that answer, or 0
 * when something else is next. A reply may only be noted when there is none.
 */
unsigned char pipeline_answer_own(struct pipeline *pipeline);

/* The i-th letter of the queue, and whether it is a client's request with a reply of its own. */
unsigned char pipeline_at(const struct pipeline *pipeline, uint32_t i);
bool pipeline_is_clients(unsigned char letter);

/* After an error: the ReadyForQuery that the client waits for, if it is owed already, is ours. */
void pipeline_take_ready(struct pipeline *pipeline);

/* What the next reply will be to: the letter as it was noted, or 0. */
static inline unsigned char pipeline_head(const struct pipeline *pipeline)
{
	return pipeline->head;
}

/* Nothing is owed, and no request is half made: all that is missing for "at rest" is status 'I'. */
static inline bool pipeline_is_settled(const struct pipeline *pipeline)
{
	return pipeline->count == 0 && !pipeline->unsynced && !pipeline->copying_in;
}

/* The server waits for the data of a COPY, and takes nothing else before the client ends it. */
static inline bool pipeline_wants_copy(const struct pipeline *pipeline)
{
	return pipeline->copying_in && !pipeline->copy_ended;
}

/* The connection is outside a transaction and owes nothing. */
static inline bool pipeline_is_idle(const struct pipeline *pipeline)
{
	return pipeline_is_settled(pipeline) && pipeline->status == 'I';
}

/* The server works on a query of the pooler's own. */
static inline bool pipeline_runs_own_query(const struct pipeline *pipeline)
{
	return pipeline_head(pipeline) == PIPELINE_OWN_QUERY;
}

/* The next rows will be the client's. */
static inline bool pipeline_has_clients_rows(const struct pipeline *pipeline)
{
	unsigned char letter = pipeline_letter(pipeline->head);

	return letter == FRONTEND_QUERY || letter == FRONTEND_EXECUTE;
}

/* More is owed than an answer to a query of the pooler's own. */
static inline bool pipeline_owes_more(const struct pipeline *pipeline)
{
	return pipeline->count > pipeline_runs_own_query(pipeline);
}

/* An error in what is open may have skipped what is sent next. */
static inline bool pipeline_may_skip(const struct pipeline *pipeline)
{
	return pipeline->unguarded && pipeline_owes_more(pipeline);
}

static inline bool pipeline_is_full(const struct pipeline *pipeline)
{
	return pipeline->count >= PIPELINE_LONGEST;
}

/* Something more may be asked of the server: it is not far behind, and need not tell first if it owes one more reply. */
static inline bool pipeline_takes_more(const struct pipeline *pipeline)
{
	bool must_tell = pipeline->doubtful &&
			 (pipeline_is_settled(pipeline) || pipeline_runs_own_query(pipeline));

	return !pipeline_is_full(pipeline) && !must_tell;
}

#endif
