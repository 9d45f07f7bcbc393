/*
 * What the parts of a turn (see relay.h) share among themselves: the client's requests on their way to the server
 * (relay_requests.c), the server's replies on their way back (relay_replies.c), and the waiting in between (relay.c).
 */
#ifndef MILLPOND_RELAY_RELAY_PARTS_H
#define MILLPOND_RELAY_RELAY_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/relay/ending.h"
#include "daemon/relay/gather.h"
#include "daemon/relay/relay.h"
#include "daemon/relay/turn_clock.h"
#include "daemon/relay/upstream.h"
#include "daemon/session.h"

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
	size_t taken; /* of the client's bytes that were last looked at: so many go on */
	bool unseen; /* what was not taken may be whole: it waits for the server, not for the client */
	bool deaf; /* the client takes no more replies: they are dropped */
	unsigned ready_count; /* the upstream's when it was last looked at */
	struct turn_clock clock;
};

/* All of them answer false where the turn has failed: `why`. */

/* --- requests (relay_requests.c) ---------------------------------------------------------- */

/* Takes what the client has said as far as it can go on now, sends that behind `prefix` (or NULL), and keeps the rest. */
bool relay_pass_requests(struct relay *relay, const char *data, size_t length, const struct writer *prefix,
			 struct failure *why);

/* Whether the client may be read, and does so if there is anything. */
bool relay_wants_requests(struct relay *relay);
bool relay_pump_requests(struct relay *relay, struct failure *why);

/* Sends bytes that have been noted in the pipeline. */
bool relay_send_requests(const struct relay *relay, const char *data, size_t length,
			 struct failure *why);

/* Notes a Query of our own, which drops the unnamed statement. */
bool relay_note_own_query(struct relay *relay, struct failure *why);

/* What is answered here is answered now, unless the server's next replies will bring that along. */
bool relay_answer_silent(struct relay *relay, struct failure *why);
static inline bool relay_answer_own(struct relay *relay, struct failure *why)
{
	return relay->pipeline->silent == 0 || relay_answer_silent(relay, why);
}

/* The server's socket has failed, with errno. Answers false. */
bool relay_server_failed(const struct relay *relay, struct failure *why);

/* --- replies (relay_replies.c) ------------------------------------------------------------ */

/* Sends the client what is for it. */
bool relay_pass_replies(struct relay *relay, const struct sifted *sifted, struct failure *why);

/* Whether the server may be read: not while the client has not taken what was read before; and does so. */
bool relay_wants_replies(const struct relay *relay);
bool relay_pump_replies(struct relay *relay, struct failure *why);

/* Its own last word, if there was one, has reached the client, who needs no second one. */
static inline void relay_note_server_gone(const struct relay *relay, struct failure *why)
{
	failure_set(why, FAILURE_SERVER_GONE);
	why->told = relay->upstream->said_error;
}

#endif
