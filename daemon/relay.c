#include "daemon/relay.h"

#include <errno.h>
#include <string.h>

#include "daemon/ending.h"
#include "daemon/gather.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/turn_clock.h"
#include "daemon/unreported.h"
#include "daemon/upstream.h"
#include "daemon/worker.h"
#include "protocol/message.h"

struct relay {
	struct session *session;
	struct stream *client;
	struct upstream *upstream;
	struct pipeline *pipeline;
	struct stats *stats;
	size_t left;		/* to come of a request whose beginning has been passed on */
	struct prepared prepared;
	struct gather gather;
	struct ending ending;
	bool unseen; /* what was not taken may be whole: it waits for the server, not for the client */
	bool deaf; /* the client takes no more replies: they are dropped */
	unsigned ready_count; /* the upstream's when it was last looked at */
	struct turn_clock clock;
};

/* --- requests ----------------------------------------------------------------------------- */

static enum passage note_request(struct relay *relay, const struct message *message)
{
	enum passage passage = PASSAGE_TAKEN;

	if (prepared_wants(&relay->prepared, message->letter))
		passage = prepared_request(&relay->prepared, message);
	else if (!pipeline_request(relay->pipeline, message->letter))
		passage = PASSAGE_FAILED;
	if (passage == PASSAGE_TAKEN && !message_is_of_copy(message->letter))
		turn_clock_asks(&relay->clock, message_is_whole(message));
	if (passage == PASSAGE_TAKEN && unreported_wants(relay->upstream, message->letter))
		unreported_note_request(relay->upstream, message);
	return passage;
}

/* Whether the server has yet to tell if it owes one more reply. */
static bool must_ask(const struct pipeline *pipeline)
{
	return pipeline->doubtful &&
	       (pipeline_is_settled(pipeline) || pipeline_runs_own_query(pipeline));
}

/* Whether nothing more may be asked of the server for now. */
static bool must_wait(const struct relay *relay)
{
	return pipeline_is_full(relay->pipeline) || must_ask(relay->pipeline);
}

/* Hops over the client's messages as far as they can go on now; `*taken` is how far that is. */
static bool take_requests(struct relay *relay, const char *data, size_t length, size_t *taken,
			  struct failure *why)
{
	struct message message;
	enum passage passage = PASSAGE_TAKEN;
	size_t at = relay->left < length ? relay->left : length;

	relay->left -= at;
	turn_clock_has_rest(&relay->clock, relay->left == 0);
	while (!must_wait(relay) && message_look(data + at, length - at, &message) &&
	       !ending_look(&relay->ending, &message, pipeline_wants_copy(relay->pipeline))) {
		passage = note_request(relay, &message);
		if (passage != PASSAGE_TAKEN)
			break;
		at += message.present;
		if (!message_is_whole(&message))
			relay->left = message.body_length + MESSAGE_HEADER_BYTES - message.present;
	}
	*taken = at;
	return passage != PASSAGE_FAILED || failure_set(why, FAILURE_NO_MEMORY);
}

/* Its own last word, if there was one, has reached the client, who needs no second one. */
static void note_server_gone(const struct relay *relay, struct failure *why)
{
	failure_set(why, FAILURE_SERVER_GONE);
	why->told = relay->upstream->said_error;
}

static bool server_failed(const struct relay *relay, struct failure *why)
{
	note_server_gone(relay, why);
	return errno != 0 && failure_detail(why, "%s", strerror(errno));
}

/* What is not taken waits: for its end, or for the server to catch up. */
static bool keep_rest(struct relay *relay, const char *data, size_t length, struct failure *why)
{
	if (relay->ending.kind != FAILURE_NONE) /* what follows the last message is nobody's */
		return true;
	if (!relay->unseen && gather_begin(&relay->gather, data, length))
		return true;
	bool kept = relay->unseen ? stream_put_back(relay->client, data, length) :
				    stream_keep(relay->client, data, length);
	return kept || failure_set(why, FAILURE_NO_MEMORY);
}

/* Whether the client owes the rest of what it has begun. */
static bool is_half_done(const struct relay *relay)
{
	return relay->left > 0 || relay->pipeline->unsynced || relay->pipeline->copying_in;
}

static bool send_requests(struct relay *relay, const char *data, size_t length,
			  const struct writer *prefix, struct failure *why)
{
	struct stream *server = &relay->upstream->stream;
	struct writer both;

	if (prefix == NULL)
		return length == 0 || stream_post(server, data, length) || server_failed(relay, why);
	/* In one piece with what the server must be told in front of them. */
	writer_init(&both);
	write_bytes(&both, prefix->data, prefix->length);
	write_bytes(&both, data, length);
	bool sent = !both.failed && stream_post(server, both.data, both.length);
	writer_release(&both);
	return sent || server_failed(relay, why);
}

/* A Query, which drops the unnamed statement. */
static bool note_own_query(struct relay *relay, struct failure *why)
{
	relay->upstream->statements.unnamed_session = 0;
	return pipeline_request(relay->pipeline, PIPELINE_OWN_QUERY) ||
	       failure_set(why, FAILURE_NO_MEMORY);
}

static bool pass_replies(struct relay *relay, const struct sifted *sifted, struct failure *why);

/* What is answered here is answered now, unless the server's next replies will bring that along. */
static bool answer_own(struct relay *relay, struct failure *why)
{
	struct sifted sifted;

	if (relay->pipeline->silent == 0)
		return true;
	if (!upstream_answer_own(relay->upstream, &sifted))
		return failure_set(why, FAILURE_NO_MEMORY);
	return sifted.length == 0 || pass_replies(relay, &sifted, why);
}

static bool take_and_send(struct relay *relay, const char *data, size_t length, size_t *taken,
			  const struct writer *prefix, struct failure *why)
{
	const char *rewritten;
	size_t rewritten_length;

	if (prefix != NULL && !note_own_query(relay, why))
		return false;
	prepared_offer(&relay->prepared, data, length);
	if (!take_requests(relay, data, length, taken, why))
		return false;
	if (!prepared_finish(&relay->prepared, *taken, relay->left == 0, &rewritten,
			     &rewritten_length))
		return failure_set(why, FAILURE_NO_MEMORY);
	relay->unseen = must_wait(relay) || relay->prepared.waits;
	return send_requests(relay, rewritten, rewritten_length, prefix, why) &&
	       answer_own(relay, why);
}

static bool pass_requests(struct relay *relay, const char *data, size_t length,
			  const struct writer *prefix, struct failure *why)
{
	size_t taken = 0;

	if (!take_and_send(relay, data, length, &taken, prefix, why))
		return false;
	if (is_half_done(relay) || taken < length)
		stream_expect_more(relay->client);
	return taken == length || keep_rest(relay, data + taken, length - taken, why);
}

/* Gathers a message longer than the scratch buffer, which is passed on once it is whole. */
static bool gather_request(struct relay *relay, const char *data, size_t length,
			   struct failure *why)
{
	size_t taken = gather_take(&relay->gather, data, length);

	if (relay->gather.bytes.failed ||
	    !stream_put_back(relay->client, data + taken, length - taken))
		return failure_set(why, FAILURE_NO_MEMORY);
	stream_expect_more(relay->client);
	return true;
}

static bool pass_gathered(struct relay *relay, struct failure *why)
{
	struct writer *bytes = &relay->gather.bytes;
	size_t taken = 0;

	if (!take_and_send(relay, bytes->data, bytes->length, &taken, NULL, why))
		return false;
	if (taken > 0) /* it does not have to wait */
		writer_release(bytes);
	return true;
}

static bool wants_requests(struct relay *relay)
{
	return (relay->session->worker->suspension == NOT_SUSPENDED ||
		stream_is_ahead(relay->client)) &&
	       !stream_has_unsent(&relay->upstream->stream) && relay->ending.kind == FAILURE_NONE &&
	       (relay->left > 0 || !must_wait(relay)) &&
	       !relay->upstream->statements.replay_wanted &&
	       !(relay->prepared.waits && prepared_is_waiting(&relay->prepared));
}

static bool pump_requests(struct relay *relay, struct failure *why)
{
	char *data;

	if (!stream_flush(&relay->upstream->stream))
		return server_failed(relay, why);
	bool is_gathered = gather_is_done(&relay->gather);
	if ((!is_gathered && !stream_has_news(relay->client)) || !wants_requests(relay))
		return true;
	if (is_gathered)
		return pass_gathered(relay, why);
	bool seen_before = relay->client->put_back;
	ssize_t length = stream_read(relay->client, &data);
	if (length > 0 && !seen_before)
		stats_count(&relay->stats->received, (uint64_t)length);
	if (length == 0)
		return failure_set(why, FAILURE_CLIENT_GONE);
	if (length < 0)
		return errno == EAGAIN ||
		       failure_set(why, FAILURE_CLIENT_SEND_FAILED, strerror(errno));
	if (gather_is_open(&relay->gather))
		return gather_request(relay, data, (size_t)length, why);
	return pass_requests(relay, data, (size_t)length, NULL, why);
}

/* --- replies ------------------------------------------------------------------------------ */

/* One or more ReadyForQuery are for the client. False: it is not to have them, and ends. */
static bool note_ready(struct relay *relay, bool had_block, struct failure *why)
{
	const struct pipeline *pipeline = relay->pipeline;
	bool in_transaction = pipeline->status != 'I';

	relay->ready_count = relay->upstream->ready_count;
	turn_clock_ready(&relay->clock, pipeline_is_settled(pipeline), in_transaction);
	if (had_block && pool_share_mode(relay->session->share) == POOL_STATEMENT)
		return failure_set(why, FAILURE_NO_BLOCKS);
	return true;
}

static bool server_ended(const struct relay *relay, struct failure *why)
{
	note_server_gone(relay, why);
	if (relay->upstream->left > 0)
		failure_detail(why, "The server closed the connection in the middle of a message.");
	return false;
}

/* Whoever has said goodbye need not read what still comes; the query runs to its end all the same. */
static void turn_deaf(struct relay *relay)
{
	relay->deaf = true;
	stream_drop_unsent(relay->client);
}

static bool client_is_lost(struct relay *relay, struct failure *why)
{
	if (relay->ending.kind != FAILURE_CLIENT_SAID_GOODBYE)
		return !failure_set(why, FAILURE_CLIENT_SEND_FAILED, strerror(errno));
	turn_deaf(relay);
	return false;
}

static bool pass_replies(struct relay *relay, const struct sifted *sifted, struct failure *why)
{
	bool goes_on = relay->ready_count == relay->upstream->ready_count ||
		       note_ready(relay, sifted->in_block, why);
	size_t length = goes_on ? sifted->length : sifted->rest;

	stats_count(&relay->stats->sent, length);
	if (length > 0 && !relay->deaf && !stream_post(relay->client, sifted->data, length) &&
	    client_is_lost(relay, why))
		return false;
	if (relay->pipeline->own_failed) {
		parameters_assign(&relay->upstream->server->applied, NULL);
		*why = relay->upstream->own_failure;
		return false;
	}
	return goes_on;
}

/* Nothing is read from the server while the client has not taken what was read before. */
static bool wants_replies(const struct relay *relay)
{
	return relay->session->worker->suspension != SUSPENDED &&
	       (relay->deaf || !stream_has_unsent(relay->client));
}

static bool pump_replies(struct relay *relay, struct failure *why)
{
	char *data;
	struct sifted sifted;

	if (!relay->deaf && !stream_flush(relay->client) && client_is_lost(relay, why))
		return false;
	if (relay->ending.kind == FAILURE_CLIENT_SAID_GOODBYE && stream_has_unsent(relay->client))
		turn_deaf(relay);
	if (!stream_has_news(&relay->upstream->stream) || !wants_replies(relay))
		return true;
	ssize_t length = stream_read(&relay->upstream->stream, &data);
	if (length < 0 && errno == EAGAIN)
		return true;
	if (length <= 0)
		return server_ended(relay, why);
	errno = 0;
	if (!upstream_sift(relay->upstream, data, (size_t)length, &sifted))
		return failure_set(why, errno == ENOMEM ? FAILURE_NO_MEMORY : FAILURE_SERVER_PROTOCOL);
	if (!pipeline_is_settled(relay->pipeline) || relay->upstream->left > 0)
		stream_expect_more(&relay->upstream->stream);
	return pass_replies(relay, &sifted, why);
}

/* --- the end ------------------------------------------------------------------------------ */

/* After some errors only the server knows whether it owes one more reply (see pipeline.h). */
static bool ask_if_in_doubt(struct relay *relay, struct failure *why)
{
	static const char empty_query[] = {FRONTEND_QUERY, 0, 0, 0, 5, 0};

	if (!relay->pipeline->doubtful || !pipeline_is_settled(relay->pipeline) || relay->left > 0)
		return true;
	return note_own_query(relay, why) &&
	       (stream_send(&relay->upstream->stream, empty_query, sizeof empty_query) ||
		server_failed(relay, why));
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
		    (note_own_query(relay, why) &&
		     send_requests(relay, sql.data, sql.length, NULL, why));
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
	return send_requests(relay, data, length, NULL, why) && answer_own(relay, why);
}

/* What was asked for before the last message is waited for; what is half done stays so. */
static bool all_is_answered(const struct relay *relay)
{
	return relay->pipeline->count == 0 || pipeline_wants_copy(relay->pipeline);
}

static bool is_over(const struct relay *relay)
{
	bool between_messages = relay->left == 0 && relay->upstream->left == 0 &&
				!stream_has_unsent(&relay->upstream->stream);

	if (!between_messages || relay->pipeline->doubtful ||
	    relay->upstream->statements.replay_wanted ||
	    (relay->gather.bytes.length > 0 && relay->ending.kind == FAILURE_NONE))
		return false;
	return pipeline_is_idle(relay->pipeline) ||
	       (relay->ending.kind != FAILURE_NONE && all_is_answered(relay));
}

/* While everything is held, no limit is reached. */
static bool await_while_held(struct relay *relay, bool read_server)
{
	int64_t held_at = loop_now();
	bool moved = await_either(relay->client, false, &relay->upstream->stream, read_server,
				  DEADLINE_NEVER);

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
			     await_either(relay->client, read_client, &relay->upstream->stream,
					  read_server, deadline);
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
	bool requests = wants_requests(relay);
	bool replies = wants_replies(relay);

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
	return pump_replies(relay, why) && restore_if_wanted(relay, why) &&
	       pump_requests(relay, why) && ask_if_in_doubt(relay, why) &&
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
	bool begun = length > 0 || prefix != NULL ?
			     pass_requests(&relay, length > 0 ? data : "", length, prefix, why) :
			     make_round(&relay, why);
	bool done = begun && await_over(&relay, why);
	writer_release(&relay.gather.bytes);
	relay.upstream->torn = relay.left > 0;
	return done;
}
