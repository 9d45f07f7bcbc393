#include "protocol/pipeline.h"

#include <stdlib.h>

#include "protocol/message.h"

void pipeline_init(struct pipeline *pipeline)
{
	*pipeline = (struct pipeline){.capacity = PIPELINE_INLINE, .status = 'I'};
	pipeline->queue = pipeline->inline_queue;
}

void pipeline_release(struct pipeline *pipeline)
{
	if (pipeline->queue != pipeline->inline_queue)
		free(pipeline->queue);
	pipeline_init(pipeline);
}

/* --- the ring ----------------------------------------------------------------------------- */

static unsigned char *at(const struct pipeline *pipeline, uint32_t index)
{
	return &pipeline->queue[(pipeline->first + index) & (pipeline->capacity - 1)];
}

static bool grow(struct pipeline *pipeline)
{
	unsigned char *queue = malloc((size_t)pipeline->capacity * 2);
	if (queue == NULL)
		return false;
	for (uint32_t i = 0; i < pipeline->count; i++)
		queue[i] = *at(pipeline, i);
	if (pipeline->queue != pipeline->inline_queue)
		free(pipeline->queue);
	pipeline->queue = queue;
	pipeline->capacity *= 2;
	pipeline->first = 0;
	return true;
}

/* What a letter of the queue stands for. */
enum trait {
	OWN = 1,	 /* the pooler has asked */
	RUNS_QUERY = 2,	 /* it ends with a ReadyForQuery of its own, and may have several results */
	LOCAL = 4,	 /* it is answered by the pooler */
	COPY_END = 8,	 /* it only marks a place */
};

struct request {
	unsigned char kind; /* what it is to the server, whoever made it */
	unsigned char traits;
};

#define REQUEST(letter, kind, traits) \
	[letter] = {kind, traits}, [(letter) | PIPELINE_NOTED] = {kind, traits}
static const struct request requests[256] = {
	REQUEST(FRONTEND_QUERY, FRONTEND_QUERY, RUNS_QUERY),
	REQUEST(FRONTEND_FUNCTION_CALL, FRONTEND_FUNCTION_CALL, RUNS_QUERY),
	REQUEST(FRONTEND_PARSE, FRONTEND_PARSE, 0),
	REQUEST(FRONTEND_BIND, FRONTEND_BIND, 0),
	REQUEST(FRONTEND_DESCRIBE, FRONTEND_DESCRIBE, 0),
	REQUEST(FRONTEND_EXECUTE, FRONTEND_EXECUTE, 0),
	REQUEST(FRONTEND_CLOSE, FRONTEND_CLOSE, 0),
	REQUEST(FRONTEND_SYNC, FRONTEND_SYNC, 0),
	REQUEST(FRONTEND_COPY_DONE, FRONTEND_COPY_DONE, COPY_END),
	REQUEST(FRONTEND_COPY_FAIL, FRONTEND_COPY_FAIL, COPY_END),
	REQUEST(PIPELINE_OWN_QUERY, PIPELINE_OWN_QUERY, OWN | RUNS_QUERY),
	REQUEST(PIPELINE_OWN_PARSE, FRONTEND_PARSE, OWN),
	REQUEST(PIPELINE_OWN_BIND, FRONTEND_BIND, OWN),
	REQUEST(PIPELINE_OWN_DESCRIBE, FRONTEND_DESCRIBE, OWN),
	REQUEST(PIPELINE_OWN_EXECUTE, FRONTEND_EXECUTE, OWN),
	REQUEST(PIPELINE_OWN_CLOSE, FRONTEND_CLOSE, OWN),
	REQUEST(PIPELINE_OWN_SYNC, FRONTEND_SYNC, OWN),
	REQUEST(PIPELINE_LOCAL_PARSE, PIPELINE_LOCAL_PARSE, LOCAL),
	REQUEST(PIPELINE_LOCAL_CLOSE, PIPELINE_LOCAL_CLOSE, LOCAL),
};

static unsigned char kind_of(unsigned char letter)
{
	return requests[letter].kind;
}

static bool is_copy_end(unsigned char letter)
{
	return (requests[letter].traits & COPY_END) != 0;
}

/* What has no reply of the server's. */
static bool is_silent(unsigned char letter)
{
	return (requests[letter].traits & (LOCAL | COPY_END)) != 0;
}

static unsigned char head(const struct pipeline *pipeline)
{
	return kind_of(pipeline_head(pipeline));
}

static bool push(struct pipeline *pipeline, unsigned char letter)
{
	if (pipeline->count == pipeline->capacity && !grow(pipeline))
		return false;
	if (pipeline->count == 0)
		pipeline->head = letter;
	pipeline->silent += is_silent(letter);
	*at(pipeline, pipeline->count++) = letter;
	return true;
}

/* The end of a COPY that the server never began, or already gave up, has no reply: skip it. */
static void pop(struct pipeline *pipeline)
{
	do {
		pipeline->noted += (pipeline->head & PIPELINE_NOTED) != 0;
		pipeline->silent -= is_silent(pipeline->head);
		pipeline->first++;
		pipeline->head = --pipeline->count == 0 ? 0 : *at(pipeline, 0);
	} while (is_copy_end(pipeline->head));
}

/* --- requests ----------------------------------------------------------------------------- */

static bool request_extended(struct pipeline *pipeline, unsigned char letter)
{
	pipeline->unsynced = pipeline->unguarded = true;
	return pipeline->skipping || push(pipeline, letter);
}

static bool request_query(struct pipeline *pipeline, unsigned char letter)
{
	if (pipeline->skipping)
		return true;
	pipeline->unsynced = false;
	return push(pipeline, letter);
}

static bool request_sync(struct pipeline *pipeline, unsigned char letter)
{
	if (pipeline->copying_in && !pipeline->copy_ended) {
		pipeline->copied_syncs++;
		return true;
	}
	pipeline->unsynced = pipeline->unguarded = pipeline->skipping = false;
	return push(pipeline, letter);
}

/* Of a copy that is still to begin it only marks the place: which Syncs came before its end, and which
 * after it. */
static bool request_copy_end(struct pipeline *pipeline, unsigned char letter)
{
	if (pipeline_wants_copy(pipeline)) {
		pipeline->copy_ended = true;
		return true;
	}
	return pipeline->count == 0 || push(pipeline, letter);
}

bool pipeline_request(struct pipeline *pipeline, unsigned char letter)
{
	switch (kind_of(letter)) {
	case FRONTEND_QUERY:
	case FRONTEND_FUNCTION_CALL:
	case PIPELINE_OWN_QUERY:
		return request_query(pipeline, letter);
	case FRONTEND_PARSE:
	case FRONTEND_BIND:
	case FRONTEND_DESCRIBE:
	case FRONTEND_EXECUTE:
	case FRONTEND_CLOSE:
	case PIPELINE_LOCAL_PARSE:
	case PIPELINE_LOCAL_CLOSE:
		return request_extended(pipeline, letter);
	case FRONTEND_SYNC:
		return request_sync(pipeline, letter);
	case FRONTEND_COPY_DONE:
	case FRONTEND_COPY_FAIL:
		return request_copy_end(pipeline, letter);
	default:
		return true;
	}
}

/* --- replies ------------------------------------------------------------------------------ */

static bool answers(struct pipeline *pipeline, unsigned char request)
{
	if (head(pipeline) != request)
		return false;
	pop(pipeline);
	return true;
}

static bool runs_query(const struct pipeline *pipeline)
{
	return (requests[pipeline_head(pipeline)].traits & RUNS_QUERY) != 0;
}

/* CommandComplete and its like end an Execute, or one statement of a simple query. */
static bool statement_ends(struct pipeline *pipeline)
{
	pipeline->copying_in = false;
	return runs_query(pipeline) || answers(pipeline, FRONTEND_EXECUTE);
}

static bool is_described(struct pipeline *pipeline)
{
	return runs_query(pipeline) || answers(pipeline, FRONTEND_DESCRIBE);
}

/* Whoever has sent an own query in front of others does not expect that it copies. */
static bool may_copy_in(const struct pipeline *pipeline)
{
	unsigned char asked = head(pipeline);

	return asked == FRONTEND_EXECUTE || asked == FRONTEND_QUERY ||
	       (asked == PIPELINE_OWN_QUERY && pipeline->count == 1);
}

/*
 * While it copies in, the server ignores Sync. Of those already sent, the ones before the end of
 * the copy will not be answered; so leave out the Syncs up to that mark, and the mark.
 *
 *	E S		-> E			more data to come
 *	E S c S		-> E S			the client did not wait for CopyInResponse
 *	E S B S		-> E B S		the server gives up at what belongs to no copy
 */
static bool copy_in_begins(struct pipeline *pipeline)
{
	if (!may_copy_in(pipeline))
		return false;
	pipeline->copying_in = true;
	pipeline->copy_ended = false;
	pipeline->copied_syncs = 0;

	uint32_t kept = 1;
	bool alone = true;
	for (uint32_t i = 1; i < pipeline->count; i++) {
		unsigned char letter = *at(pipeline, i);
		bool is_of_copy = alone && !pipeline->copy_ended;
		if (is_of_copy && kind_of(letter) == FRONTEND_SYNC)
			pipeline->copied_syncs++;
		else if (is_of_copy && is_copy_end(letter))
			pipeline->copy_ended = true;
		else
			*at(pipeline, kept++) = letter, alone = alone && is_copy_end(letter);
	}
	pipeline->silent -= pipeline->copy_ended;
	pipeline->count = kept;
	pipeline->unguarded |= pipeline->copied_syncs > 0;
	/* The request that began the copy is open again until a Sync that counts. */
	if (pipeline->copied_syncs > 0 && alone && head(pipeline) == FRONTEND_EXECUTE)
		pipeline->unsynced = true;
	return true;
}

static void skip_to_sync(struct pipeline *pipeline)
{
	while (pipeline->count > 0 && head(pipeline) != FRONTEND_SYNC)
		pop(pipeline);
	if (pipeline->count == 0)
		pipeline->skipping = pipeline->unsynced = true;
}

/* Ends of copies do nothing, skipped or not. */
static bool only_syncs_follow(const struct pipeline *pipeline)
{
	for (uint32_t i = 1; i < pipeline->count; i++)
		if (kind_of(*at(pipeline, i)) != FRONTEND_SYNC && !is_copy_end(*at(pipeline, i)))
			return false;
	return true;
}

/*
 * An error while copying in leaves open whether the server had already read, and so ignored, the
 * Syncs that were sent during the copy: most often it had, but a trigger may fail before the first
 * byte is read. The Syncs that were not ignored bring one ReadyForQuery more than is counted.
 */
static bool error_reported(struct pipeline *pipeline)
{
	if (pipeline->copying_in && pipeline->copied_syncs > 0)
		pipeline->doubtful = true;
	pipeline->copying_in = false;
	/* Whether these are skipped or executed hangs on the same doubt, and nobody can be asked. Most
	 * often the server has come to them in the copy, and ends: its last words are errors. */
	pipeline->lost = pipeline->doubtful && !only_syncs_follow(pipeline);
	if (pipeline->lost)
		return true;
	if (head(pipeline) == PIPELINE_OWN_QUERY)
		pipeline->own_failed = true;
	if (pipeline->count == 0)
		return true; /* said of its own accord; most often the server's last word */
	if (!runs_query(pipeline) && head(pipeline) != FRONTEND_SYNC)
		skip_to_sync(pipeline);
	return true;
}

/* When nothing else is owed, an answer to a Sync can only be to one that was not ignored. */
static bool answers_copied_sync(struct pipeline *pipeline)
{
	if (!pipeline->doubtful || pipeline->copied_syncs == 0 || pipeline->count > 0)
		return false;
	pipeline->skipping = pipeline->unsynced = false;
	pipeline->doubtful = --pipeline->copied_syncs > 0;
	return true;
}

static bool ready_for_query(struct pipeline *pipeline, char status)
{
	if (pipeline->lost)
		return false;
	if (runs_query(pipeline) || head(pipeline) == FRONTEND_SYNC)
		pop(pipeline);
	else if (!answers_copied_sync(pipeline))
		return false;
	pipeline->status = status;
	pipeline->copying_in = false;
	return status == 'I' || status == 'T' || status == 'E';
}

static bool reply_fits(struct pipeline *pipeline, unsigned char letter, char status)
{
	switch (letter) {
	case BACKEND_READY_FOR_QUERY:
		return ready_for_query(pipeline, status);
	case BACKEND_DATA_ROW:
	case BACKEND_COPY_OUT:
	case BACKEND_COPY_OUT_DATA:
	case BACKEND_COPY_OUT_DONE:
		return runs_query(pipeline) || head(pipeline) == FRONTEND_EXECUTE;
	case BACKEND_PARSE_COMPLETE:
		return answers(pipeline, FRONTEND_PARSE);
	case BACKEND_BIND_COMPLETE:
		return answers(pipeline, FRONTEND_BIND);
	case BACKEND_CLOSE_COMPLETE:
		return answers(pipeline, FRONTEND_CLOSE);
	case BACKEND_PARAMETER_DESCRIPTION:
		return head(pipeline) == FRONTEND_DESCRIBE;
	case BACKEND_ROW_DESCRIPTION:
	case BACKEND_NO_DATA:
		return is_described(pipeline);
	case BACKEND_COMMAND_COMPLETE:
	case BACKEND_EMPTY_QUERY:
	case BACKEND_PORTAL_SUSPENDED:
		return statement_ends(pipeline);
	case BACKEND_FUNCTION_RESULT:
		return head(pipeline) == FRONTEND_FUNCTION_CALL;
	case BACKEND_COPY_IN:
		return copy_in_begins(pipeline);
	case BACKEND_ERROR:
		return error_reported(pipeline);
	default:
		return true; /* notices, notifications and parameters come at any time */
	}
}

/* While in doubt: what comes before the answer to the empty query was still owed to the client. */
static bool was_owed_after_all(struct pipeline *pipeline, unsigned char letter, char status)
{
	if (letter == BACKEND_EMPTY_QUERY)
		pipeline->probed = true;
	if (letter != BACKEND_READY_FOR_QUERY || pipeline->probed)
		return false;
	pipeline->status = status;
	return true;
}

unsigned char pipeline_at(const struct pipeline *pipeline, uint32_t i)
{
	return *at(pipeline, i);
}

bool pipeline_is_clients(unsigned char letter)
{
	return (requests[letter].traits & (OWN | COPY_END)) == 0;
}

void pipeline_take_ready(struct pipeline *pipeline)
{
	if (pipeline->count == 0)
		return;
	pipeline->noted += (pipeline_head(pipeline) & PIPELINE_NOTED) != 0;
	*at(pipeline, 0) = pipeline->head = PIPELINE_OWN_SYNC;
}

unsigned char pipeline_answer_own(struct pipeline *pipeline)
{
	unsigned char letter = pipeline_head(pipeline);

	pipeline->noted = 0;
	if ((requests[letter].traits & LOCAL) == 0)
		return 0;
	pop(pipeline);
	return pipeline_letter(letter);
}

/* Whose a reply to the present head of the queue is. */
static bool is_for_pooler(const struct pipeline *pipeline, unsigned char letter)
{
	unsigned char asked = pipeline_head(pipeline);

	return (requests[asked].traits & OWN) != 0 && letter != BACKEND_NOTIFICATION &&
	       (letter != BACKEND_ERROR || asked == PIPELINE_OWN_QUERY);
}

enum reply pipeline_reply(struct pipeline *pipeline, unsigned char letter, char status)
{
	bool own = is_for_pooler(pipeline, letter);

	pipeline->noted = 0;
	if (own && pipeline->doubtful && was_owed_after_all(pipeline, letter, status))
		return REPLY_FORWARD;
	if (!reply_fits(pipeline, letter, status))
		return REPLY_WRONG;
	if (own && letter == BACKEND_READY_FOR_QUERY)
		pipeline->doubtful = pipeline->probed = false;
	return own ? REPLY_SWALLOW : REPLY_FORWARD;
}
