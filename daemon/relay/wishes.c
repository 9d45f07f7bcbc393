#include "daemon/relay/wishes.h"

#include <errno.h>
#include <string.h>

#include "conf/settings.h"
#include "daemon/relay/upstream.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/pool.h"
#include "pool/pools.h"
#include "pool/server.h"
#include "protocol/failure.h"
#include "protocol/message.h"
#include "protocol/parameters.h"
#include "protocol/writer.h"

/* What the server reports in answer is for the client: how it spells the wishes. */
static bool await_told(struct session *session, const char *sql, struct failure *why,
		       int64_t deadline)
{
	struct writer replies;

	writer_init(&replies);
	bool told = upstream_query_for(session->upstream, sql, &replies, why, deadline);
	stats_count(&session->share->stats.sent, replies.length);
	if (told && replies.length > 0 &&
	    !stream_send(&session->client, replies.data, replies.length))
		told = failure_set(why, FAILURE_CLIENT_SEND_FAILED, strerror(errno));
	writer_release(&replies);
	return told;
}

/* Tells them by themselves, in the text of a query that stands behind its header and ends in a zero. */
static bool await_wishes_told(struct session *session, const struct writer *query,
			      struct failure *why)
{
	struct server *server = session->upstream->server;
	int64_t limit = session->worker->settings->server_connect_timeout_us;

	if (await_told(session, query->data + MESSAGE_HEADER_BYTES, why, deadline_after(limit)))
		return true;
	parameters_assign(&server->applied, NULL);
	if (session->killed != FAILURE_NONE)
		failure_set(why, session->killed);
	return false;
}

/* Whether the server takes back what others have wished. */
static bool await_taken_back(struct session *session)
{
	struct upstream *upstream = session->upstream;
	int64_t limit = session->worker->settings->server_connect_timeout_us;
	const struct parameters *none = parameters_empty(session->worker->pools->parameters);
	struct writer query;
	struct failure why;

	writer_init(&query);
	bool good = !server_write_wishes(upstream->server, none, &query) ||
		    (!query.failed && upstream_query(upstream, query.data + MESSAGE_HEADER_BYTES,
						     &why, deadline_after(limit)));
	writer_release(&query);
	return good;
}

bool await_wishes(struct session *session, struct writer *prefix, bool *unfit, struct failure *why)
{
	struct server *server = session->upstream->server;
	bool differs = server_write_wishes(server, session->wishes, prefix);
	bool proven = parameters_are_proven(session->wishes, session->pool->id) &&
		      server_reports_change(server, session->wishes);

	*unfit = false;
	parameters_assign(&server->applied, session->wishes);
	if (differs && !proven) {
		if (prefix->failed)
			return failure_set(why, FAILURE_NO_MEMORY);
		if (!await_wishes_told(session, prefix, why)) {
			*unfit = session->killed == FAILURE_NONE &&
				 strcmp(why->sqlstate, "57014") != 0 &&
				 pipeline_is_idle(&session->upstream->pipeline) &&
				 !await_taken_back(session);
			return false;
		}
		prefix->length = 0;
		/* More has changed with it, see reported_note(): that is undone. */
		if (server->applied == NULL)
			server_write_wishes(server, session->wishes, prefix);
		parameters_assign(&server->applied, session->wishes);
	}
	return (!prefix->failed && (!differs || server_note_tried(server, session->wishes))) ||
	       failure_set(why, FAILURE_NO_MEMORY);
}
