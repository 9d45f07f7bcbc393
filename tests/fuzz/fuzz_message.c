/*
 * Framing and the pipeline: a client's and a server's bytes, cut into pieces at random. Lengths never
 * lead past the end, the pieces give the same messages as the whole, and the queue of what is owed
 * stays sound whatever is said.
 *
 *	| seed | share of the client | bytes of the client ... | bytes of the server ... |
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/message.h"
#include "protocol/pipeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_PACKET = 4096 };

/* One side's bytes, taken piece by piece as a relay takes them. */
struct side {
	const char *data;
	size_t size;
	size_t arrived; /* of these */
	size_t at;	/* where the next header begins; may lie ahead of what has arrived */
	bool is_client;
	bool ended;
	size_t messages;
	uint32_t hash;
};

static uint32_t random_state;

static uint32_t random_next(void)
{
	random_state = random_state * 1664525u + 1013904223u;
	return random_state >> 12;
}

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static void expect_sound(const struct pipeline *pipeline)
{
	expect(pipeline->count <= pipeline->capacity);
	expect((pipeline->capacity & (pipeline->capacity - 1)) == 0);
	expect(pipeline->queue != NULL);
	expect(!pipeline_is_idle(pipeline) || pipeline->count == 0);
}

static bool note(struct pipeline *pipeline, const struct side *side, const struct message *message)
{
	if (side->is_client)
		return !pipeline_is_full(pipeline) && pipeline_request(pipeline, message->letter);
	char status = message->present > MESSAGE_HEADER_BYTES ? message->body[0] : '?';
	return pipeline_reply(pipeline, message->letter, status) != REPLY_WRONG;
}

/* The status of ReadyForQuery is in its body: that one is waited for. */
static bool lacks_status(const struct side *side, const struct message *message)
{
	return !side->is_client && message->letter == BACKEND_READY_FOR_QUERY &&
	       message->present == MESSAGE_HEADER_BYTES && message->body_length > 0;
}

static enum message_fault check(const struct side *side, const struct message *message)
{
	return side->is_client ? frontend_message_check(message, MAX_PACKET)
			       : backend_message_check(message);
}

/* Looks at the message whose header begins here. False when more bytes are needed, or at the end. */
static bool take(struct side *side, struct pipeline *pipeline, const char *there, size_t left)
{
	struct message message;

	if (!message_look(there, left, &message))
		return false;
	side->ended = check(side, &message) != MESSAGE_GOOD;
	if (side->ended || lacks_status(side, &message))
		return false;
	expect(message.present <= left && message.body_length < INT32_MAX);
	expect(!side->is_client || message.body_length < MAX_PACKET);
	side->at += MESSAGE_HEADER_BYTES + message.body_length;
	side->messages++;
	side->hash = (side->hash ^ message.letter) * 16777619u;
	side->hash = (side->hash ^ (uint32_t)message.body_length) * 16777619u;
	side->ended = pipeline != NULL && !note(pipeline, side, &message);
	return !side->ended;
}

/* Goes from header to header; the bodies may still be on their way. */
static void hop(struct side *side, struct pipeline *pipeline)
{
	bool goes_on = !side->ended;
	while (goes_on && side->at < side->arrived) {
		/* A copy of what is there, so that a sanitizer sees one byte too many. */
		size_t left = side->arrived - side->at;
		char *there = malloc(left);
		memcpy(there, side->data + side->at, left);
		goes_on = take(side, pipeline, there, left);
		free(there);
	}
}

static void arrive(struct side *side, size_t most)
{
	size_t left = side->size - side->arrived;
	side->arrived += most < left ? most : left;
}

/* What the messages are when all bytes are there at once, without a pipeline that may object. */
static struct side read_whole(const struct side *side)
{
	struct side whole = {side->data, side->size, side->size, 0, side->is_client, false, 0, 0};
	hop(&whole, NULL);
	return whole;
}

static void expect_same(const struct side *side)
{
	struct side whole = read_whole(side);
	struct side pieces = {side->data, side->size, 0, 0, side->is_client, false, 0, 0};

	while (pieces.arrived < pieces.size) {
		arrive(&pieces, 1 + random_next() % 40);
		hop(&pieces, NULL);
	}
	expect(pieces.messages == whole.messages && pieces.hash == whole.hash &&
	       pieces.at == whole.at && pieces.ended == whole.ended);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pipeline pipeline;

	if (size < 2)
		return 0;
	random_state = data[0];
	size_t share = (size - 2) * data[1] / 255;
	const char *bytes = (const char *)data + 2;
	struct side client = {bytes, share, 0, 0, true, false, 0, 0};
	struct side server = {bytes + share, size - 2 - share, 0, 0, false, false, 0, 0};
	expect_same(&client);
	expect_same(&server);

	pipeline_init(&pipeline);
	while (!client.ended && !server.ended &&
	       client.arrived + server.arrived < client.size + server.size) {
		struct side *side = random_next() % 2 ? &client : &server;
		arrive(side, 1 + random_next() % 60);
		hop(side, &pipeline);
		expect_sound(&pipeline);
		if (random_next() % 16 == 0)
			pipeline_request(&pipeline, PIPELINE_OWN_QUERY);
		expect_sound(&pipeline);
	}
	pipeline_release(&pipeline);
	return 0;
}
