#include "daemon/relay/tag.h"

#include <string.h>

#include "daemon/relay/prepared.h"
#include "daemon/relay/ties.h"
#include "daemon/relay/unreported.h"
#include "daemon/relay/upstream.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/pool.h"
#include "pool/pools.h"
#include "pool/server.h"
#include "protocol/pipeline.h"

/* DISCARD ALL resets also what was set to where all clients start, of which nothing is reported. */
static void note_reset(struct upstream *upstream, bool discards)
{
	upstream->has_reset = true;
	if (discards && upstream->session != NULL)
		parameters_assign(&upstream->returned, upstream->session->startup);
}

static void count_alteration(const struct upstream *upstream)
{
	atomic_fetch_add_explicit(&upstream->worker->pools->alterations, 1, memory_order_relaxed);
}

/* Some make temporary tables all the time: that is for their own pool to bear. */
static void count_creation(const struct upstream *upstream)
{
	atomic_fetch_add_explicit(&upstream->server->pool->creations, 1, memory_order_relaxed);
}

/* On this server it counts at once, on the others when it is committed. */
static void note_alteration(struct upstream *upstream)
{
	upstream->has_altered = true;
	count_alteration(upstream);
}

static void note_creation(struct upstream *upstream)
{
	upstream->statements.creator += !upstream->has_created;
	upstream->has_created = true;
	count_creation(upstream);
}

void tag_note_end(struct upstream *upstream)
{
	if (upstream->has_altered)
		count_alteration(upstream);
	if (upstream->has_created)
		count_creation(upstream);
	upstream->has_altered = upstream->has_created = false;
}

/* Rows that went to nobody are those of a new table: of SELECT INTO or CREATE TABLE AS. */
static bool is_creation(const struct upstream *upstream, const char *tag)
{
	return (tag[0] == 'C' && strncmp(tag, "CREATE ", 7) == 0) ||
	       (tag[0] == 'D' && strncmp(tag, "DROP ", 5) == 0) ||
	       (tag[0] == 'S' && !upstream->has_rows && strncmp(tag, "SELECT ", 7) == 0 &&
		strcmp(tag, "SELECT 0") != 0);
}

void tag_note(struct upstream *upstream, const char *tag)
{
	if (tag[0] == 'A' && strncmp(tag, "ALTER ", 6) == 0)
		note_alteration(upstream);
	bool creates = is_creation(upstream, tag);
	if (creates)
		note_creation(upstream);
	if (tag[0] == 'P' || tag[0] == 'D')
		prepared_note_tag(upstream, tag);
	bool discards = tag[0] == 'D' && strcmp(tag, "DISCARD ALL") == 0;
	if (discards)
		upstream->listens = upstream->overhears = false;
	if (pipeline_runs_own_query(&upstream->pipeline))
		return;
	ties_note_tag(upstream, tag, creates);
	/* The client may have left meanwhile. */
	if (tag[0] == 'L' && strcmp(tag, "LISTEN") == 0)
		upstream->listens = true;
	if (discards || (tag[0] == 'R' && strcmp(tag, "RESET") == 0))
		note_reset(upstream, discards);
	else if (upstream->has_reset && strcmp(tag, "SET") == 0)
		upstream->has_reset = false; /* which of them a value comes from is not known then */
	unreported_note_tag(upstream, tag);
}
