#include "daemon/console/console.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/settings.h"
#include "daemon/console/admin.h"
#include "daemon/console/console_stats.h"
#include "daemon/console/console_turn.h"
#include "daemon/console/show.h"
#include "daemon/goodbye.h"
#include "daemon/relay/request.h"
#include "daemon/runtime/coroutine.h"
#include "daemon/runtime/loop.h"
#include "daemon/session.h"
#include "daemon/version.h"
#include "daemon/worker.h"
#include "protocol/message.h"

/* The longest message; what is incomplete has to be kept, and to fit into the scratch buffer. */
#define MESSAGE_BYTES ((size_t)128 * 1024)
/* So much is answered before it is sent, and so much is sent at once. */
#define REPLY_BYTES ((size_t)64 * 1024)

/* --- who ---------------------------------------------------------------------------------- */

/* Whoever runs the process may steer it, too: over the Unix socket the kernel vouches for them. */
bool console_is_asked_by_owner(const struct session *session)
{
	struct ucred credentials;
	socklen_t length = sizeof credentials;

	return session->peer.family == AF_UNIX && settings_is_console(session->user_name) &&
	       getsockopt(session->client.fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) ==
		       0 &&
	       credentials.uid == geteuid();
}

bool console_admits(struct session *session, struct failure *why)
{
	const struct settings *settings = session->worker->settings;
	const char *user = session->user_name;

	session->is_admin = settings_list_has(settings->admin_users, user) || console_is_asked_by_owner(session);
	return session->is_admin || settings_list_has(settings->stats_users, user) ||
	       settings->auth_type == AUTH_ANY || failure_set(why, FAILURE_CONSOLE_REJECTED);
}

void console_write_parameters(struct writer *writer)
{
	write_parameter_status(writer, "server_version", CONSOLE_SERVER_VERSION);
	write_parameter_status(writer, "client_encoding", "UTF8");
	write_parameter_status(writer, "server_encoding", "UTF8");
	write_parameter_status(writer, "DateStyle", "ISO");
	write_parameter_status(writer, "TimeZone", "GMT");
	write_parameter_status(writer, "standard_conforming_strings", "on");
	write_parameter_status(writer, "is_superuser", "on");
}

/* --- commands ----------------------------------------------------------------------------- */

static bool invalid(const char *text, size_t length, struct failure *why)
{
	char shown[200];

	/* Not in the middle of a character. */
	if (length >= sizeof shown) {
		length = sizeof shown - 1;
		while (length > 0 && (text[length] & 0xC0) == 0x80)
			length--;
	}
	memcpy(shown, text, length);
	shown[length] = '\0';
	return failure_set(why, FAILURE_CONSOLE_SYNTAX, shown);
}

static bool await_set_command(struct turn *turn, struct failure *why)
{
	const struct command *command = &turn->command;
	char tag[sizeof command->argument + sizeof command->value + 8];

	if (!show_is_fake(command->argument) &&
	    !await_admin_set(turn->session, command, &turn->reply, why))
		return false;
	snprintf(tag, sizeof tag, "SET %s=%s", command->argument, command->value);
	write_command_complete(&turn->reply, tag);
	return true;
}

bool turn_connection_failed(const struct session *session, struct failure *why)
{
	return failure_set(why, session_end_reason(session, FAILURE_CLIENT_SEND_FAILED),
			   strerror(errno));
}

bool await_turn_sent(struct turn *turn, struct failure *why)
{
	struct stream *client = &turn->session->client;
	struct writer *reply = &turn->reply;

	if (reply->failed)
		return failure_set(why, FAILURE_NO_MEMORY);
	console_stats_send(turn->session, reply->length);
	size_t at = 0;
	do { /* at least once: an error may still be unsent in front of it */
		size_t left = reply->length - at;
		size_t piece = left < REPLY_BYTES ? left : REPLY_BYTES;
		if (!stream_send(client, reply->data + at, piece))
			return turn_connection_failed(turn->session, why);
		if (stream_has_unsent(client) && !await_sent(client, DEADLINE_NEVER))
			return turn_connection_failed(turn->session, why);
		at += piece;
		if (at < reply->length)
			await_turn(client->loop);
	} while (at < reply->length);
	writer_release(reply);
	return true;
}

/* Whether all of a table is wanted, as it is. */
static bool is_whole(const struct selection *selection, const struct selection_formats *formats)
{
	return formats == NULL && selection->condition_count == 0 && selection->order_count == 0 &&
	       selection->limit < 0;
}

static bool await_table(struct turn *turn, struct writer *writer, const char *text, size_t length,
			struct failure *why)
{
	switch (await_show(writer, turn->command.argument, turn->session)) {
	case SHOWN:
		return true;
	case NOTHING_TO_SHOW:
		return invalid(text, length, why);
	case ONLY_FOR_ADMINS:
		return failure_set(why, FAILURE_CONSOLE_NOT_ADMIN);
	case SHOW_FAILED:
		break;
	}
	return failure_set(why, FAILURE_NO_MEMORY);
}

static bool await_show_command(struct turn *turn, const char *text, size_t length,
			       const struct selection_formats *formats, struct failure *why)
{
	const struct selection *selection = &turn->command.selection;
	struct writer table;

	if (is_whole(selection, formats))
		return await_table(turn, &turn->reply, text, length, why);
	writer_init(&table);
	bool good = await_table(turn, &table, text, length, why) &&
		    selection_write(&turn->reply, &table, selection, formats, why);
	writer_release(&table);
	return good;
}

/* Whether `pretend()` has an answer, which is then written in the forms that are wanted. */
static bool is_pretended(struct turn *turn, const char *text, size_t length,
			 const struct selection_formats *formats, struct failure *why, bool *good)
{
	static const struct selection all = {.limit = -1};
	struct writer said;

	writer_init(&said);
	bool is_said = pretend(&said, turn->session, text, length);
	*good = !is_said || selection_write(&turn->reply, &said, &all, formats, why);
	writer_release(&said);
	return is_said;
}

static void describe_pretended(struct session *session, const char *text, size_t length,
			       struct writer *description)
{
	bool was_in_block = session->is_in_block;
	struct writer said;

	writer_init(&said);
	if (pretend(&said, session, text, length) && !said.failed &&
	    said.data[0] == BACKEND_ROW_DESCRIPTION)
		write_bytes(description, said.data, read_uint32(said.data + 1) + 1);
	description->failed |= said.failed;
	session->is_in_block = was_in_block;
	writer_release(&said);
}

bool turn_describe(struct turn *turn, const char *text, struct writer *description,
		   struct failure *why)
{
	struct command *command = &turn->command;
	size_t length = strlen(text);

	command_parse(text, length, command);
	if (command->form != COMMAND_WORDS || !command_is_show(command) ||
	    !show_describe(description, command->argument))
		describe_pretended(turn->session, text, length, description);
	return !description->failed || failure_set(why, FAILURE_NO_MEMORY);
}

bool await_turn_run(struct turn *turn, const char *text, size_t length,
		    const struct selection_formats *formats, struct failure *why)
{
	struct command *command = &turn->command;
	bool good;

	if (is_pretended(turn, text, length, formats, why, &good))
		return good;
	command_parse(text, length, command);
	switch (command->form) {
	case COMMAND_EMPTY:
		write_empty(&turn->reply, BACKEND_EMPTY_QUERY);
		return true;
	case COMMAND_SET:
		return await_set_command(turn, why);
	case COMMAND_TOO_LONG:
		return failure_set(why, FAILURE_CONSOLE_ARGUMENTS);
	case COMMAND_INVALID:
		return invalid(text, length, why);
	case COMMAND_WORDS:
		break;
	}
	if (command_is_show(command))
		return await_show_command(turn, text, length, formats, why);
	return await_verb(turn, why) ||
	       (why->kind == FAILURE_CONSOLE_SYNTAX && invalid(text, length, why));
}

/* --- messages ----------------------------------------------------------------------------- */

/* An error, behind what has been said before. One that is FATAL ends the session. */
static bool send_error(struct turn *turn, struct failure *why, bool ready)
{
	struct session *session = turn->session;
	struct writer *reply = &turn->reply;

	if (strcmp(failure_severity(why), "ERROR") != 0)
		return false;
	if (reply->failed)
		return failure_set(why, FAILURE_NO_MEMORY);
	if (!stream_send(&session->client, reply->data, reply->length))
		return turn_connection_failed(session, why);
	console_stats_send(session, reply->length);
	reply->length = 0;
	if (ready)
		console_stats_ready(session);
	return send_failure(session, why) && (!ready || send_ready(session, why));
}

static void write_ready(struct turn *turn)
{
	if (!turn->session->is_in_block)
		extended_end_of_transaction(turn->session);
	console_stats_ready(turn->session);
	write_ready_for_query(&turn->reply, turn->session->is_in_block ? 'T' : 'I');
}

static bool await_answer_to_query(struct turn *turn, const struct message *message,
				  struct failure *why)
{
	const char *text = message->body;
	size_t length = strnlen(text, message->body_length);

	turn->is_extended = false;
	if (message->body_length != length + 1) { /* a zero that is missing, or not the last byte */
		failure_set(why, FAILURE_CONSOLE_ERROR, "invalid message format");
		return send_error(turn, why, true);
	}
	if (!await_turn_run(turn, text, length, NULL, why))
		return send_error(turn, why, true);
	write_ready(turn);
	return true;
}

/* After an error of the extended protocol everything up to its Sync is dropped, as a server does. */
static bool await_answer(struct turn *turn, const struct message *message, struct failure *why)
{
	struct session *session = turn->session;

	switch (message->letter) {
	case FRONTEND_SYNC:
		session->skips_to_sync = false;
		write_ready(turn);
		return true;
	case FRONTEND_QUERY:
		return session->skips_to_sync || await_answer_to_query(turn, message, why);
	case FRONTEND_FLUSH:
	case FRONTEND_COPY_DATA:
	case FRONTEND_COPY_DONE:
	case FRONTEND_COPY_FAIL:
		return true;
	case FRONTEND_FUNCTION_CALL:
		failure_set(why, FAILURE_CONSOLE_ERROR, "functions cannot be called here");
		return session->skips_to_sync || send_error(turn, why, true);
	default:
		break;
	}
	turn->is_extended = true;
	if (session->skips_to_sync || await_extended_answer(turn, message, why))
		return true;
	session->skips_to_sync = true;
	return send_error(turn, why, false);
}

/*
 * Answers whole messages, until so many are answered that they had better be sent. What is left goes
 * back into the stream.
 */
static bool await_answers(struct turn *turn, const char *data, size_t length, struct failure *why)
{
	struct stream *client = &turn->session->client;
	struct message message;
	bool more = true;

	while (turn->reply.length < REPLY_BYTES && !stream_has_unsent(client)) {
		more = message_look(data, length, &message);
		if (more && !request_check(&message, MESSAGE_BYTES, why))
			return false;
		more = more && message_is_whole(&message);
		if (!more)
			break;
		console_stats_ask(turn->session, message.present);
		if (!await_answer(turn, &message, why))
			return false;
		data += message.present;
		length -= message.present;
	}
	bool kept =
		more ? stream_put_back(client, data, length) : stream_keep(client, data, length);
	return kept || failure_set(why, FAILURE_NO_MEMORY);
}

static bool read_client(struct session *session, char **data, ssize_t *length, struct failure *why)
{
	*length = stream_read(&session->client, data);
	if (*length == 0)
		return failure_set(why, FAILURE_CLIENT_GONE);
	if (*length < 0 && errno != EAGAIN)
		return failure_set(why, FAILURE_CLIENT_SEND_FAILED, strerror(errno));
	return true;
}

/* Of a copy, since others read into the same buffer while a command waits. */
static bool await_answers_to(struct turn *turn, const char *data, size_t length,
			     struct failure *why)
{
	char *copy = malloc(length);

	if (copy == NULL)
		return failure_set(why, FAILURE_NO_MEMORY);
	memcpy(copy, data, length);
	bool stays = await_answers(turn, copy, length, why);
	free(copy);
	return stays;
}

bool await_console(struct session *session, struct failure *why)
{
	struct turn turn = {.session = session};
	char *data;
	ssize_t length;

	if (!read_client(session, &data, &length, why))
		return false;
	if (length < 0)
		return true;
	session->request_at = loop_now();
	worker_does(session->worker, "answering the console", session->id);
	writer_init(&turn.reply);
	bool stays = await_answers_to(&turn, data, (size_t)length, why);
	if (stays)
		stays = await_turn_sent(&turn, why);
	else if (!turn.reply.failed) /* the end does not take back what was answered before */
		stream_send(&session->client, turn.reply.data, turn.reply.length);
	writer_release(&turn.reply);
	return stays;
}
