/* A turn: the server's replies on their way to the client. */
#include "daemon/relay/relay_parts.h"

#include <errno.h>
#include <string.h>

#include "daemon/worker.h"

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
	relay_note_server_gone(relay, why);
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
	if (relay->ending.kind == FAILURE_CLIENT_SAID_GOODBYE) {
		turn_deaf(relay);
		return false;
	}
	failure_set(why, FAILURE_CLIENT_SEND_FAILED, strerror(errno));
	return true;
}

bool relay_pass_replies(struct relay *relay, const struct sifted *sifted, struct failure *why)
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

bool relay_wants_replies(const struct relay *relay)
{
	return relay->session->worker->suspension != SUSPENDED &&
	       (relay->deaf || !stream_has_unsent(relay->client));
}

bool relay_pump_replies(struct relay *relay, struct failure *why)
{
	char *data;
	struct sifted sifted;

	if (!relay->deaf && !stream_flush(relay->client) && client_is_lost(relay, why))
		return false;
	if (relay->ending.kind == FAILURE_CLIENT_SAID_GOODBYE && stream_has_unsent(relay->client))
		turn_deaf(relay);
	if (!stream_has_news(&relay->upstream->stream) || !relay_wants_replies(relay))
		return true;
	ssize_t length = stream_read(&relay->upstream->stream, &data);
	if (length < 0 && errno == EAGAIN)
		return true;
	if (length <= 0)
		return server_ended(relay, why);
	errno = 0;
	if (!upstream_sift(relay->upstream, data, (size_t)length, &sifted))
		return failure_set(why,
				   errno == ENOMEM ? FAILURE_NO_MEMORY : FAILURE_SERVER_PROTOCOL);
	if (!pipeline_is_settled(relay->pipeline) || relay->upstream->left > 0)
		stream_expect_more(&relay->upstream->stream);
	return relay_pass_replies(relay, &sifted, why);
}
