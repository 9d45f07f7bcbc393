#include "daemon/tag.h"

#include <string.h>

#include "daemon/prepared.h"
#include "daemon/upstream.h"
#include "pool/server.h"
#include "protocol/pipeline.h"

static bool may_be_about_settings(const char *tag)
{
	return strcmp(tag, "SET") == 0 || strcmp(tag, "RESET") == 0 || strcmp(tag, "DO") == 0 ||
	       strcmp(tag, "CALL") == 0 || strcmp(tag, "DISCARD ALL") == 0;
}

/* PostgreSQL goes back to what a client came with; of what is not reported the server does not know it. */
static void note_discarded(struct upstream *upstream)
{
	if (upstream->session != NULL && parameters_count(upstream->server->unreported) > 0)
		parameters_assign(&upstream->server->applied, NULL);
}

void tag_note(struct upstream *upstream, const char *tag)
{
	if (tag[0] == 'P' || tag[0] == 'D')
		prepared_note_tag(upstream, tag);
	bool discards = tag[0] == 'D' && strcmp(tag, "DISCARD ALL") == 0;
	if (discards)
		upstream->listens = false;
	if (pipeline_runs_own_query(&upstream->pipeline))
		return;
	/* The client may have left meanwhile. */
	upstream->has_set |= may_be_about_settings(tag);
	if (tag[0] == 'L' && strcmp(tag, "LISTEN") == 0)
		upstream->listens = true;
	if (discards)
		note_discarded(upstream);
}
