/*
 * Prepared statements that follow their client from server to server.
 *
 * A client's names are mapped to interned statements, which servers hold under names of ours. Its
 * messages are rewritten on the way; what the server lacks is parsed in front of them, and what it
 * has already is answered here, in its place. The unnamed statement is remembered and parsed anew
 * where it is missing.
 *
 * A *segment* is what stands between two Syncs (or is a Query): if one of its messages fails, the
 * server skips the rest. Within a segment it may be assumed that all goes well, since what relies on
 * it is skipped too; across segments it may not, so then the client's messages wait for the outcome.
 * Source: PostgreSQL manual, "Message Flow", Extended Query and Pipelining.
 */
#ifndef MILLPOND_RELAY_PREPARED_H
#define MILLPOND_RELAY_PREPARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/relay/notes.h"
#include "daemon/relay/portals.h"
#include "daemon/relay/sql_names.h"
#include "protocol/held.h"
#include "protocol/message.h"
#include "protocol/names.h"
#include "protocol/writer.h"

struct parameters;
struct session;
struct upstream;

/* Servers never have statements of these names, the second only while an error is to be made. */
#define UNKNOWN_NAME STATEMENT_PREFIX "unknown"
#define TAKEN_NAME STATEMENT_PREFIX "taken"

/* A client's unnamed statement: the body of its Parse behind the (empty) name. */
struct unnamed {
	size_t capacity;
	size_t length;
	char body[];
};

/* What a client has prepared; made at its first Parse. */
struct client_statements {
	struct names names;
	struct unnamed *unnamed; /* kept after its statement has gone, for the next one */
	struct unnamed *spare;
	uint32_t unnamed_serial; /* a number for each new one; 0: there is none */
	uint32_t last_serial;
	uint32_t unnamed_pending; /* changes whose outcome is not known yet */
	uint32_t unnamed_segment; /* of the last change */
	uint32_t pins;	   /* statements prepared on its server out of our sight: while there are any it stays there */
	struct parameters *start; /* held: the session's, when it parsed for the last time ... */
	struct parameters *wishes;
	struct parameters *literals; /* ... and those by which literals are read (parameters_for_literals()) */
	struct portals portals;
};

/* What a server connection holds, and what is open on it. */
struct server_statements {
	struct held_set held;
	struct sql_names sql_names;
	struct notes notes;
	uint32_t open_effects;	  /* SQL commands whose outcome is not known: everything else waits */
	bool must_deallocate;	  /* it may have statements of which nothing is known */
	struct writer kept;	  /* the client's messages of the present segment ... */
	bool is_kept;		  /* ... which are all of it */
	bool uses_plan;		  /* the segment uses what was prepared before */
	bool was_replayed;	  /* it is not done a second time */
	bool replay_wanted;	  /* they are to be sent again ... */
	bool replay_begun;	  /* ... and some have been: an error among them has the rest skipped */
	size_t replay_at;	  /* ... from here on */
	bool half_described;	  /* the client has had the first half of an answer to Describe ... */
	bool half_owed;		  /* ... and must not have it twice */
	uint32_t replay_answered; /* so many of them have been answered to the client before */
	struct writer kept_error; /* of what was done in front of a Query: that will fail too */
	uint32_t segment;	  /* number of the present one */
	uint32_t rest_segment;	  /* number of the last that began when nothing was open */
	uint32_t query_segment;	  /* of the last Query */
	uint32_t creator;	  /* number of the last transaction that created or dropped something */
	uint32_t reading;	  /* number of the last reading of a Query's text */
	bool has_executed;	  /* in the present segment: a Sync would commit that */
	bool has_taken;		  /* it has a statement called TAKEN_NAME, to be closed */
	bool certain;		  /* the segment began with nothing open, and not in a failed transaction */
	uint64_t unnamed_session; /* whose unnamed statement it has; 0: unknown */
	uint32_t unnamed_serial;
	uint32_t unnamed_segment; /* when it was parsed */
	bool unnamed_sure;	  /* ... with nothing in front that might have had it skipped */
};

/* The translation of one turn: a part of the relay. */
struct prepared {
	bool on;    /* else nothing here is called */
	bool waits; /* the next message depends on an outcome */
	bool resumes; /* ... or did: what belongs in front of its segment has been done */
	bool fresh; /* the message begins a segment, and what is put in front of it is never skipped */
	bool rewriting; /* what goes out stands in `out`, not in the client's own bytes */
	struct session *session;
	struct upstream *upstream;
	struct writer *out;
	const char *data;  /* the client's bytes ... */
	const char *end;
	bool replaying;	   /* those are the kept ones ... */
	bool answered;	   /* ... and the message has been answered before: it is ours now */
	size_t segment_at; /* where the present segment goes on in them */
	size_t copied;	   /* how many of them are in `out`, in one form or another */
	size_t max_held;
	size_t max_names;
};

enum passage {
	PASSAGE_TAKEN,
	PASSAGE_WAITS,	    /* for an outcome: to be offered again when that is known */
	PASSAGE_INCOMPLETE, /* more of the message has to come first */
	PASSAGE_FAILED,	    /* no memory */
};

void prepared_begin(struct prepared *prepared, struct session *session, struct upstream *upstream);

/* Announces a batch of the client's bytes, which holds the messages that are offered next; `prefix`, or NULL, is to go
 * in front of them, in one piece with them. */
void prepared_offer(struct prepared *prepared, const char *data, size_t length,
		    const struct writer *prefix);

/* Whether such a message has to be offered to prepared_request(). */
static inline bool prepared_wants(const struct prepared *prepared, unsigned char letter)
{
	return prepared->on && (letter == FRONTEND_PARSE || letter == FRONTEND_BIND ||
				letter == FRONTEND_QUERY || letter == FRONTEND_DESCRIBE ||
				letter == FRONTEND_CLOSE || letter == FRONTEND_EXECUTE);
}

/* Takes one message: notes what it means in the pipeline and elsewhere, and writes what is to be
 * sent for it, if that differs. */
enum passage prepared_request(struct prepared *prepared, const struct message *message);

/* Keeps what the batch holds of the present segment, up to `taken`, in case it has to be sent again; of no use unless
 * server_statements.uses_plan. */
void prepared_keep(struct prepared *prepared, size_t taken);

/* Gives the first `taken` bytes of the batch as they are to be sent; `at_end`: they end with a message. False
 * without memory. */
bool prepared_finish(struct prepared *prepared, size_t taken, bool at_end, const char **data,
		     size_t *length);

/*
 * Gives what is to be sent to do again what failed: nothing until the server has come to rest. False: it
 * cannot be done. While server_statements.replay_wanted, the client's messages wait.
 */
bool prepared_replay(struct prepared *prepared, const char **data, size_t *length);

/* Whether the client's messages still have to wait. */
bool prepared_is_waiting(struct prepared *prepared);

/* Makes a client's part, which the session frees at its end. NULL without memory. */
struct client_statements *client_statements_new(void);
void client_statements_free(struct client_statements *client);

/* The session has gone over to another pool, which counts for itself: what it has prepared counts as of now. */
void prepared_follow_pool(const struct session *session);

/* The server has been told to forget everything (DISCARD ALL). */
void server_statements_clear(struct server_statements *server);
void server_statements_release(struct server_statements *server);

/* --- replies ---------------------------------------------------------------------------------- */

/*
 * Writes what the client is to be told in place of an error, about which there may be a note. False:
 * nothing written, the error is for the client as it is.
 */
bool prepared_rewrite_error(struct upstream *upstream, const struct message *message,
			    struct writer *out);

/* Looks whether an error with a note says that the server's statement is no longer good, and if so notes that. */
void prepared_look_at_error(struct upstream *upstream, const struct message *message);

/* Whether what failed with an error can be done again; and has that done. */
bool prepared_can_replay(struct upstream *upstream, const struct message *message);
void prepared_want_replay(struct upstream *upstream, unsigned char asked);

/* Keeps an error that is not for the client, for the Query that will fail for the same reason. */
bool prepared_keep_error(struct upstream *upstream, const struct message *message);

/* A command has ended well: what its tag says of prepared statements. */
void prepared_note_tag(struct upstream *upstream, const char *tag);

/* The types of a statement's parameters. */
void prepared_note_parameters(struct upstream *upstream, const struct message *message);

/* The columns of a result, or that there is none: perhaps the other half of an answer to a Describe. */
void prepared_note_shape(struct upstream *upstream, const struct message *message);

/* A Describe has half its answer. True: the client has had that half before. */
bool prepared_told_parameters(struct upstream *upstream);

/* The client has changed a setting by which literals mean something else (see parameters.h): what was
 * parsed since all was answered may have been read in either way. */
void prepared_note_literals(struct upstream *upstream);

/* The same, once all is answered, for what was parsed in that segment and later. */
void prepared_note_literals_since(struct upstream *upstream, uint32_t segment);

/* Acts on the notes of what a reply has ended (see pipeline.h). */
void prepared_note_outcome(struct upstream *upstream, bool failed, unsigned char asked);

#endif
