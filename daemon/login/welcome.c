#include "daemon/login/welcome.h"

#include <stdint.h>
#include <strings.h>

#include "daemon/cancel.h"
#include "daemon/console/console.h"
#include "daemon/goodbye.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "protocol/message.h"
#include "protocol/startup.h"
#include "protocol/writer.h"

static uint32_t count_protocol_options(const struct startup *startup)
{
	const char *cursor = startup->parameters;
	const char *name;
	const char *value;
	uint32_t count = 0;

	while (startup_next(&cursor, &name, &value))
		count += startup_is_protocol_option(name);
	return count;
}

/* NegotiateProtocolVersion: the newest minor version known here, and the options, none of which is. */
static void write_negotiation(struct writer *writer, const struct startup *startup,
			      uint32_t option_count)
{
	const char *cursor = startup->parameters;
	const char *name;
	const char *value;

	message_begin(writer, NEGOTIATION_LETTER);
	write_uint32(writer, PROTOCOL_VERSION);
	write_uint32(writer, option_count);
	while (startup_next(&cursor, &name, &value))
		if (startup_is_protocol_option(name))
			write_text(writer, name);
	message_end(writer);
}

bool welcome_negotiate(struct session *session, const struct startup *startup, struct failure *why)
{
	uint32_t option_count = count_protocol_options(startup);
	struct writer writer;

	if (option_count == 0 && startup->minor == 0)
		return true;
	writer_init(&writer);
	write_negotiation(&writer, startup, option_count);
	return send_message(session, &writer, why);
}

static void write_parameters(struct writer *writer, const struct session *session)
{
	const struct parameters *start = session->start;

	for (size_t i = 0; i < parameters_count(start); i++) {
		const char *name = parameters_name(start, i);
		const char *wished = parameters_get(session->wishes, name);
		/* The name that the client came with, not the one the server is logged in as. */
		if (strcasecmp(name, "session_authorization") == 0)
			wished = session->user_name;
		write_parameter_status(writer, name,
				       wished != NULL ? wished : parameters_value(start, i));
	}
}

static void write_welcome(struct writer *writer, const struct session *session)
{
	message_begin(writer, AUTHENTICATION_LETTER);
	write_uint32(writer, AUTHENTICATION_OK);
	message_end(writer);
	if (session->phase == SESSION_CONSOLE)
		console_write_parameters(writer);
	else
		write_parameters(writer, session);
	message_begin(writer, BACKEND_KEY_LETTER);
	write_bytes(writer, session->cancel_key.bytes, CANCEL_KEY_BYTES);
	message_end(writer);
	if (session->worker->settings->login_notify_message[0] != '\0')
		write_notice(writer, session->worker->settings->login_notify_message, "");
	write_ready_for_query(writer, 'I');
}

bool welcome_send(struct session *session, struct failure *why)
{
	struct writer writer;

	if (!cancel_key_assign(session->worker->cancel_keys, session))
		return failure_set(why, FAILURE_NO_MEMORY);
	writer_init(&writer);
	write_welcome(&writer, session);
	/* With what the handshake of TLS has posted, in one packet. */
	return post_message(session, &writer, why);
}
