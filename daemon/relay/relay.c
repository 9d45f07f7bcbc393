#include "daemon/relay/relay_parts.h"

#include <errno.h>

#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/worker.h"
#include "protocol/message.h"

/* After some errors only the server knows whether it owes one more reply (see pipeline.h). */
static bool ask_if_in_doubt(struct relay *relay, struct failure *why)
{
	static const char empty_query[] = {FRONTEND_QUERY, 0, 0, 0, 5, 0};

	if (!relay->pipeline->doubtful || !pipeline_is_settled(relay->pipeline) || relay->left > 0)
		return true;
	return relay_note_own_query(relay, why) &&
	       (stream_send(&relay->upstream->stream, empty_query, sizeof empty_query) ||
		relay_server_failed(relay, why));
}

/* What the client came with, after a RESET in a transaction; outside one it goes in front of the next request. */
static bool restore_if_wanted(struct relay *relay, struct failure *why)
{
	struct server *server = relay->upstream->server;
	struct session *session = relay->session;
	struct writer sql;

	if (server->applied == session->wishes || relay->pipeline->status != 'T' ||
	    !pipeline_is_settled(relay->pipeline) || relay->pipeline->doubtful || relay->left > 0)
		return true;
	writer_init(&sql);
	bool good = !server_write_wishes(server, session->wishes, &sql) ||
		    (relay_note_own_query(relay, why) &&
		     relay_send_requests(relay, sql.data, sql.length, why));
	if (sql.failed)
		good = failure_set(why, FAILURE_NO_MEMORY);
	writer_release(&sql);
	parameters_assign(&server->applied, session->wishes);
	return good;
}

/* A prepared statement is no longer good, and what used it is done again: see prepared.h. */
static bool replay_if_wanted(struct relay *relay, struct failure *why)
{
	const char *data;
	size_t length;

	if (!relay->upstream->statements.replay_wanted)
		return true;
	if (!prepared_replay(&relay->prepared, &data, &length))
		return failure_set(why, FAILURE_NO_MEMORY);
	return relay_send_requests(relay, data, length, why) && relay_answer_own(relay, why);
}

/* What was asked for before the last message is waited for; what is half done stays so. */
static bool all_is_answered(const struct relay *relay)
{
	return relay->pipeline->count == 0 || pipeline_wants_copy(relay->pipeline);
}

static bool is_over(const struct relay *relay)
{
	bool is_ending = relay->ending.kind != FAILURE_NONE;

	if (!pipeline_is_idle(relay->pipeline) && !(is_ending && all_is_answered(relay)))
		return false;
	bool between_messages = relay->left == 0 && relay->upstream->left == 0 &&
				!stream_has_unsent(&relay->upstream->stream);
	return between_messages && !relay->pipeline->doubtful &&
	       !relay->upstream->statements.replay_wanted &&
	       (is_ending || relay->gather.bytes.length == 0);
}

/* While everything is held, no limit is reached. */
static bool await_while_held(struct relay *relay, bool read_server)
{
	int64_t held_at = loop_now();
	bool moved = await_news_of_either(relay->client, false, &relay->upstream->stream,
					  read_server, DEADLINE_NEVER);

	turn_clock_stood_still(&relay->clock, loop_now() - held_at);
	return moved;
}

static bool await_movement(struct relay *relay, bool read_client, bool read_server,
			   struct failure *why)
{
	enum failure_kind limit = FAILURE_NONE;

	/* A client that is not read would go unnoticed. */
	if (!read_client && relay->ending.kind == FAILURE_NONE && !suspend_holds(relay->session) &&
	    stream_is_reset(relay->client))
		return failure_set(why, FAILURE_CLIENT_GONE);
	/* Whoever owes the rest of a long message keeps its server from others, too. */
	if (gather_is_open(&relay->gather) && relay->pipeline->status == 'I')
		turn_clock_asks(&relay->clock, true);
	int64_t deadline = turn_clock_next_limit(&relay->clock, &limit);
	deadline = ending_limit(&relay->ending, deadline, &limit);
	relay->session->is_mid_turn = true;
	bool moved = suspend_holds(relay->session) ?
			     await_while_held(relay, read_server) :
			     await_news_of_either(relay->client, read_client,
						  &relay->upstream->stream, read_server, deadline);
	relay->session->is_mid_turn = false;
	if (moved || errno == EINTR)
		return true;
	if (errno == ETIMEDOUT)
		return failure_set(why, limit, relay->ending.letter) ||
		       turn_clock_describe(&relay->clock, why);
	return failure_set(why, errno == ECANCELED ? relay->session->killed : FAILURE_NO_MEMORY);
}

/* Waits until a round will find something to do; after several in a row, lets the others have their turn. */
static bool await_round(struct relay *relay, unsigned *rounds, struct failure *why)
{
	bool requests = relay_wants_requests(relay);
	bool replies = relay_wants_replies(relay);

	if (!stream_can_move(relay->client, requests) &&
	    !stream_can_move(&relay->upstream->stream, replies) &&
	    !(requests && gather_is_done(&relay->gather))) {
		*rounds = 0;
		return await_movement(relay, requests, replies, why);
	}
	return ++*rounds % ROUNDS_IN_A_ROW != 0 || await_others(relay->client->loop) ||
	       failure_set(why, relay->session->killed);
}

static bool make_round(struct relay *relay, struct failure *why)
{
	return relay_pump_replies(relay, why) && restore_if_wanted(relay, why) &&
	       relay_pump_requests(relay, why) && ask_if_in_doubt(relay, why) &&
	       replay_if_wanted(relay, why);
}

static bool await_over(struct relay *relay, struct failure *why)
{
	unsigned rounds = 0;

	while (!is_over(relay))
		if (!await_round(relay, &rounds, why) || !make_round(relay, why))
			return false;
	return relay->ending.kind == FAILURE_NONE ||
	       failure_set(why, relay->ending.kind, relay->ending.letter);
}

bool await_relay(struct session *session, const char *data, size_t length,
		 const struct writer *prefix, struct failure *why)
{
	struct pool_share *share = session->share;
	struct relay relay = {
		.session = session,
		.client = &session->client,
		.upstream = session->upstream,
		.pipeline = &session->upstream->pipeline,
		.stats = &share->stats,
		.ready_count = session->upstream->ready_count,
	};

	ending_init(&relay.ending, share->settings);
	turn_clock_init(&relay.clock, session->client.loop, share);
	prepared_begin(&relay.prepared, session, session->upstream);
	relay.pipeline->own_failed = false;
	relay.upstream->statements.replay_wanted = false;
	/* Without data, in session mode, the client has something to say, or the server has. */
	bool begun =
		length > 0 || prefix != NULL ?
			relay_pass_requests(&relay, length > 0 ? data : "", length, prefix, why) :
			make_round(&relay, why);
	bool done = begun && await_over(&relay, why);
	writer_release(&relay.gather.bytes);
	relay.upstream->torn = relay.left > 0;
	return done;
}
