#include "daemon/relay/ending.h"

#include "conf/settings.h"
#include "daemon/runtime/loop.h"
#include "protocol/message.h"

/* The grace in which requests may still run after the client's last message, as on a server. */
#define GRACE_US INT64_C(2000000)

void ending_init(struct ending *ending, const struct settings *settings)
{
	*ending = (struct ending){
		.max_bytes = (size_t)settings->max_packet_size,
		.refuses_queries = settings->disable_pqexec,
		.kind = FAILURE_NONE,
	};
}

static enum failure_kind why_last(const struct ending *ending, const struct message *message,
				  bool in_copy)
{
	enum message_fault fault = frontend_message_check(message, ending->max_bytes);

	if (fault == MESSAGE_UNKNOWN)
		return FAILURE_BAD_MESSAGE_TYPE;
	if (fault == MESSAGE_BAD_LENGTH)
		return FAILURE_BAD_MESSAGE_LENGTH;
	if (message->letter == FRONTEND_TERMINATE)
		return FAILURE_CLIENT_SAID_GOODBYE;
	if (in_copy && !message_fits_into_copy(message->letter))
		return FAILURE_MESSAGE_IN_COPY;
	if (message->letter == FRONTEND_QUERY && ending->refuses_queries)
		return FAILURE_SIMPLE_QUERY;
	return FAILURE_NONE;
}

bool ending_look(struct ending *ending, const struct message *message, bool in_copy)
{
	ending->kind = why_last(ending, message, in_copy);
	if (ending->kind == FAILURE_NONE)
		return false;
	ending->letter = message->letter;
	ending->at = loop_now();
	return true;
}

int64_t ending_limit(const struct ending *ending, int64_t limit, enum failure_kind *kind)
{
	if (ending->kind == FAILURE_NONE || ending->at + GRACE_US >= limit)
		return limit;
	*kind = ending->kind;
	return ending->at + GRACE_US;
}
