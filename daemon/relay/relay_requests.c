/* A turn: the client's requests on their way to the server. */
#include "daemon/relay/relay_parts.h"

#include <errno.h>
#include <string.h>

#include "daemon/relay/ties.h"
#include "daemon/relay/unreported.h"
#include "daemon/worker.h"
#include "protocol/message.h"

static enum passage note_request(struct relay *relay, const struct message *message)
{
	enum passage passage = PASSAGE_TAKEN;

	if (prepared_wants(&relay->prepared, message->letter))
		passage = prepared_request(&relay->prepared, message);
	else if (!pipeline_request(relay->pipeline, message->letter))
		passage = PASSAGE_FAILED;
	if (passage == PASSAGE_TAKEN && !message_is_of_copy(message->letter))
		turn_clock_asks(&relay->clock, message_is_whole(message));
	if (passage == PASSAGE_TAKEN) {
		ties_note_request(relay->upstream, message);
		unreported_note_request(relay->upstream, message);
	}
	return passage;
}

/* Hops over the client's messages as far as they can go on now. */
static bool take_requests(struct relay *relay, const char *data, size_t length, struct failure *why)
{
	struct message message;
	enum passage passage = PASSAGE_TAKEN;
	size_t at = relay->left < length ? relay->left : length;

	relay->left -= at;
	turn_clock_has_rest(&relay->clock, relay->left == 0);
	while (message_look(data + at, length - at, &message) &&
	       pipeline_takes_more(relay->pipeline) &&
	       !ending_look(&relay->ending, &message, pipeline_wants_copy(relay->pipeline))) {
		passage = note_request(relay, &message);
		if (passage != PASSAGE_TAKEN)
			break;
		at += message.present;
		if (!message_is_whole(&message))
			relay->left = message.body_length + MESSAGE_HEADER_BYTES - message.present;
	}
	relay->taken = at;
	return passage != PASSAGE_FAILED || failure_set(why, FAILURE_NO_MEMORY);
}

bool relay_server_failed(const struct relay *relay, struct failure *why)
{
	relay_note_server_gone(relay, why);
	if (errno != 0)
		failure_detail(why, "%s", strerror(errno));
	return false;
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

bool relay_send_requests(const struct relay *relay, const char *data, size_t length,
			 struct failure *why)
{
	return length == 0 || stream_post(&relay->upstream->stream, data, length) ||
	       relay_server_failed(relay, why);
}

bool relay_note_own_query(struct relay *relay, struct failure *why)
{
	relay->upstream->statements.unnamed_session = 0;
	return pipeline_request(relay->pipeline, PIPELINE_OWN_QUERY) ||
	       failure_set(why, FAILURE_NO_MEMORY);
}

bool relay_answer_silent(struct relay *relay, struct failure *why)
{
	struct sifted sifted;

	if (!upstream_answer_own(relay->upstream, &sifted))
		return failure_set(why, FAILURE_NO_MEMORY);
	return sifted.length == 0 || relay_pass_replies(relay, &sifted, why);
}

static bool take_and_send(struct relay *relay, const char *data, size_t length,
			  const struct writer *prefix, struct failure *why)
{
	const char *rewritten;
	size_t rewritten_length;

	if (prefix != NULL && !relay_note_own_query(relay, why))
		return false;
	prepared_offer(&relay->prepared, data, length, prefix);
	if (!take_requests(relay, data, length, why))
		return false;
	if (relay->upstream->statements.uses_plan)
		prepared_keep(&relay->prepared, relay->taken);
	if (!prepared_finish(&relay->prepared, relay->taken, relay->left == 0, &rewritten,
			     &rewritten_length))
		return failure_set(why, FAILURE_NO_MEMORY);
	relay->unseen = relay->taken < length &&
			(!pipeline_takes_more(relay->pipeline) || relay->prepared.waits);
	return relay_send_requests(relay, rewritten, rewritten_length, why) &&
	       relay_answer_own(relay, why);
}

bool relay_pass_requests(struct relay *relay, const char *data, size_t length,
			 const struct writer *prefix, struct failure *why)
{
	if (!take_and_send(relay, data, length, prefix, why))
		return false;
	if (is_half_done(relay) || relay->taken < length)
		stream_expect_more(relay->client);
	return relay->taken == length ||
	       keep_rest(relay, data + relay->taken, length - relay->taken, why);
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

	if (!take_and_send(relay, bytes->data, bytes->length, NULL, why))
		return false;
	if (relay->taken > 0) /* it does not have to wait */
		writer_release(bytes);
	return true;
}

bool relay_wants_requests(struct relay *relay)
{
	return (relay->session->worker->suspension == NOT_SUSPENDED ||
		stream_is_ahead(relay->client)) &&
	       !stream_has_unsent(&relay->upstream->stream) && relay->ending.kind == FAILURE_NONE &&
	       (relay->left > 0 || pipeline_takes_more(relay->pipeline)) &&
	       !relay->upstream->statements.replay_wanted &&
	       !(relay->prepared.waits && prepared_is_waiting(&relay->prepared));
}

bool relay_pump_requests(struct relay *relay, struct failure *why)
{
	char *data;

	if (!stream_flush(&relay->upstream->stream))
		return relay_server_failed(relay, why);
	bool is_gathered = gather_is_done(&relay->gather);
	if ((!is_gathered && !stream_has_news(relay->client)) || !relay_wants_requests(relay))
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
	return relay_pass_requests(relay, data, (size_t)length, NULL, why);
}
