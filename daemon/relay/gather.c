#include "daemon/relay/gather.h"

#include "protocol/message.h"

bool gather_begin(struct gather *gather, const char *data, size_t length)
{
	struct message message;

	if (length < GATHERED_AFTER_BYTES || !message_look(data, length, &message) ||
	    message_is_whole(&message))
		return false;
	writer_reuse(&gather->bytes);
	write_bytes(&gather->bytes, data, length);
	gather->missing = message.body_length + MESSAGE_HEADER_BYTES - length;
	return !gather->bytes.failed;
}

size_t gather_take(struct gather *gather, const char *data, size_t length)
{
	size_t taken = length < gather->missing ? length : gather->missing;

	write_bytes(&gather->bytes, data, taken);
	gather->missing -= taken;
	return taken;
}
