/*
 * What the parts of the translation of prepared statements (see prepared.h) share among themselves.
 */
#ifndef MILLPOND_RELAY_PREPARED_PARTS_H
#define MILLPOND_RELAY_PREPARED_PARTS_H

#include "daemon/relay/prepared.h"
#include "daemon/relay/upstream.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/pools.h"
#include "pool/stats.h"

/* --- what goes out ------------------------------------------------------------------------ */

/* Brings what stands before `at` into the output, behind which something else can be written. */
struct writer *prepared_write_up_to(struct prepared *prepared, const char *at);

/* Leaves a message, or the part of it that is there, out. */
void prepared_leave_out(struct prepared *prepared, const struct message *message);

/* The part of a message with one name in it, of which the end has been found. */
struct reference {
	const char *name;
	size_t length;
	const char *rest; /* behind its zero */
};

/* Finds the name that begins at `from`; false when its end is not there. */
bool reference_find(const struct message *message, const char *from, struct reference *found);

/* Writes a message with another name in place of `old`. */
void prepared_write_renamed(struct prepared *prepared, const struct message *message,
			    const struct reference *old, const char *name, size_t length);

/* --- notes -------------------------------------------------------------------------------- */

static inline struct server_statements *server_of(const struct prepared *prepared)
{
	return &prepared->upstream->statements;
}

/* Once statements are no longer followed, what is still done for earlier names is not counted. */
static inline void prepared_count(const struct prepared *prepared, uint64_t *counter)
{
	if (prepared->max_held > 0)
		stats_count(counter, 1);
}

static inline enum passage taken_if(bool good)
{
	return good ? PASSAGE_TAKEN : PASSAGE_FAILED;
}

/* The client's part, made if it is new. NULL without memory. */
struct client_statements *prepared_client(const struct prepared *prepared);

/* What the client has, or had, under that name; or NULL. */
static inline struct name *prepared_find_name(const struct prepared *prepared, const char *name,
					      size_t length)
{
	const struct client_statements *client = prepared->session->statements;

	return client == NULL ? NULL : names_find(&client->names, name, length);
}

/* Notes in the pipeline what has been written; with a note that tells what its outcome means, see notes_add().
 * False without memory. */
bool prepared_push(struct prepared *prepared, unsigned char letter);
bool prepared_push_noted(struct prepared *prepared, unsigned char letter, const struct note *note);

/* The message has to wait until all that is open has its outcome. */
enum passage prepared_wait(struct prepared *prepared);

/* Whether something was changed in an earlier segment, with an outcome that is not known yet. */
bool prepared_is_open(const struct prepared *prepared, bool pending, uint32_t segment);

/* --- what the server must have (prepared_server.c) ---------------------------------------- */

/* Sees to what belongs in front of a segment, and whether its first message is `fresh`. False without memory. */
bool prepared_begin_segment(struct prepared *prepared, const char *at);

/* Ends what was written in front of a Query with a Sync of its own, so that if it fails the Query is not
 * skipped. */
bool prepared_end_apart(struct prepared *prepared, const char *at);

/* Sees to it that the server has what the name means, which may be another statement from now on, by the
 * time it reads what is written next at `at`. */
enum passage prepared_require_held(struct prepared *prepared, const char *at, struct name *name);

/* Makes room for one more, and adds it. NULL without memory. */
struct held *prepared_add_held(struct prepared *prepared, const char *at,
			       struct statement *statement);

/* Writes the Parse of a statement that the server lacks, or has, but stale. `letter` says who asks
 * for it: the client, or we; `note` is completed and noted. */
bool prepared_parse_held(struct prepared *prepared, const char *at, struct held *held,
			 unsigned char letter, struct note *note);

/* The same for the client's unnamed statement; if it has none, the server is to have none. */
enum passage prepared_require_unnamed(struct prepared *prepared, const char *at);

/* A Parse of the unnamed statement, with that body. */
enum passage prepared_parse_unnamed(struct prepared *prepared, const char *body, size_t length);

/* A Close of it, or a Query, which drops it. */
enum passage prepared_drop_unnamed(struct prepared *prepared, unsigned char letter);

/* --- long texts (prepared_pieces.c) ------------------------------------------------------- */

/* Whether a Query of which only the beginning is there may go to the server in pieces, as it comes. */
bool prepared_may_send_pieces(const struct prepared *prepared, const struct message *message);

/* How much of its text can be read: all, or what is there up to the last statement or word that is whole. */
size_t prepared_readable_length(const struct message *message);

/* Whether there is anything that SQL could use: of the client's, or left on the server. */
bool prepared_has_names(const struct prepared *prepared);

/* Whether a name that only we may use stands anywhere in a text. */
bool prepared_mentions_ours(const char *text, size_t length);

/* --- SQL (prepared_sql.c) ----------------------------------------------------------------- */

/* A Query, or the beginning of one that may go in pieces. */
enum passage prepared_request_query(struct prepared *prepared, const struct message *message);
enum passage prepared_request_execute(struct prepared *prepared, const struct message *message);

/* Whether a Bind, which is whole, wants binary values. */
bool prepared_asks_for_binary(const struct message *message);

/*
 * Whether a Bind may return other columns than its client was once told of, or read its binary values as other
 * types (prepared_shape.c); and what is done with one that may: it waits until that is known, or is refused.
 */
bool prepared_may_surprise(const struct prepared *prepared, const struct message *message,
			   struct name *name);
enum passage prepared_spare_surprise(struct prepared *prepared, const struct message *message,
				     struct name *name);

/* Remembers what a client binds to a portal: that name's statement; NULL: the unnamed one. Or, without a
 * portal, that it asks for the columns of the name's statement. */
void prepared_remember_use(struct prepared *prepared, const struct reference *portal, struct name *name);

/* Describe of a portal. */
enum passage prepared_describe_portal(struct prepared *prepared, const struct reference *portal);

/* Sends something that is sure to fail in place of a message, and has its error replaced. */
enum passage prepared_refuse(struct prepared *prepared, const struct message *message,
			     enum failure_kind why);

/* Whether a text is about a name that only we may use, and so is to be refused. */
bool prepared_is_reserved(const struct sql *sql);

/* A statement with that text is about to be parsed, bound or described: sees to it that what it executes is
 * there. */
enum passage prepared_require_sql(struct prepared *prepared, const char *at, const struct sql *sql);

/* Makes the server have under the client's own name what the client has. */
enum passage prepared_require_sql_name(struct prepared *prepared, const char *at, const char *name,
				       size_t length);

/* Notes a message in the pipeline, and what it does: one command, or those of a Query with several statements
 * (prepared_effect.c). False without memory. */
bool prepared_push_effect(struct prepared *prepared, unsigned char letter, const struct sql *sql,
			  const char *text, size_t length);
bool prepared_push_effects(struct prepared *prepared, const char *text, size_t length);

/* The portal is to run that text, which does what `sql` says. False without memory. */
bool prepared_note_portal(struct prepared *prepared, const struct reference *portal,
			  const struct sql *sql, const char *text);

/* Closes the oldest statements with clients' own names, at the beginning of a segment. */
bool prepared_evict_sql_names(struct prepared *prepared, const char *at, size_t most);

/* --- errors and replays (prepared_reply.c, prepared_replay.c) ----------------------------- */

/* The text of one field of an ErrorResponse, or NULL. */
const char *prepared_find_field(const struct message *message, char field);

/* Whether an error says that a plan no longer fits its table, or that the server has lost the statement. */
bool prepared_is_about_the_plan(const struct message *message);

/* How many times clients have altered something, or, in that pool, created or dropped it. */
static inline uint32_t prepared_alterations(const struct pool *pool)
{
	return atomic_load_explicit(&pool->pools->alterations, memory_order_relaxed) +
	       atomic_load_explicit(&pool->creations, memory_order_relaxed);
}

/* Number of the transaction that is open there, if it has created or dropped something, or 0. */
static inline uint32_t prepared_creator(const struct upstream *upstream)
{
	return upstream->has_created ? upstream->statements.creator : 0;
}

/*
 * Whether a plan of that age may no longer fit where one on a direct connection would: it is older than what the
 * client has prepared, or was made for what another transaction has created, such as a temporary table of the
 * same name. Outside a transaction the server is asked, and what it refuses is done again.
 */
static inline bool prepared_is_outdated(const struct upstream *upstream, uint32_t alterations, uint32_t creator,
					const struct name *name)
{
	return upstream->pipeline.status == 'T' && ((int32_t)(alterations - name->alterations) < 0 ||
						    creator != prepared_creator(upstream));
}

/* Notes that the server's statement was made now. */
static inline void prepared_date_sql_name(const struct upstream *upstream,
					  struct sql_name *sql_name)
{
	sql_name->alterations = prepared_alterations(upstream->server->pool);
	sql_name->creator = prepared_creator(upstream);
}

/* --- Parse (prepared_parse.c) ------------------------------------------------------------- */

enum passage prepared_request_parse(struct prepared *prepared, const struct message *message);

/* Makes a name mean that statement, whose hold is taken over, or none, from now on. Fills in `note`, to be
 * noted with the request that does so. */
void prepared_define(struct prepared *prepared, struct name *name, struct statement *statement,
		     struct note *note);

/* The one statement of a text that is parsed now, held by the client. NULL without memory. */
struct statement *prepared_intern(const struct prepared *prepared, const char *body, size_t length,
				  bool is_command);

/*
 * A name's statement is about to be parsed once more, and perhaps literals mean something else by now:
 * then the name means another statement, as if the server had parsed it anew. NULL without memory.
 */
struct statement *prepared_reread(const struct prepared *prepared, struct name *name);

#endif
