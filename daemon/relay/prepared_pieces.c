/*
 * Prepared statements: texts of a Query that are too long to be kept until they are whole. They go to the server
 * in pieces, and only their beginning is read: what follows may use any name that is the client's own.
 */
#include "daemon/relay/prepared_parts.h"

#include <string.h>

#include "daemon/relay/gather.h"

/* A longer text is never kept: reading it all would take the time of others. */
#define FOLLOWED_BYTES ((size_t)4 * 1024 * 1024)

bool prepared_has_names(const struct prepared *prepared)
{
	const struct client_statements *client = prepared->session->statements;

	return (client != NULL && client->names.count > 0) ||
	       server_of(prepared)->sql_names.table.count > 0;
}

bool prepared_mentions_ours(const char *text, size_t length)
{
	return memmem(text, length, STATEMENT_PREFIX, strlen(STATEMENT_PREFIX)) != NULL;
}

/* Whether the client prepares by SQL, and so is likely to use that by SQL. */
static bool has_commands(const struct client_statements *client)
{
	const struct name *name = client == NULL ? NULL : hash_table_first(&client->names.table);

	while (name != NULL && (name->statement == NULL || !name->statement->key.is_command))
		name = hash_table_next(&client->names.table, &name->link);
	return name != NULL;
}

/* Whether a text begins with a statement that is not over yet, and not about prepared ones. */
static bool is_one_statement(const char *text, size_t length)
{
	const enum sql_quotes ways = sql_readings(text, length);
	struct sql sql;

	for (enum sql_quotes quotes = 0; quotes < ways; quotes++) {
		const char *at = text;
		if (!sql_next(&at, text + length, quotes, &sql) || sql.effect != SQL_NONE ||
		    at < text + length)
			return false;
	}
	return true;
}

bool prepared_may_send_pieces(const struct prepared *prepared, const struct message *message)
{
	const char *text = message->body;

	if (message->present <= MESSAGE_HEADER_BYTES)
		return false;
	size_t length = message->present - MESSAGE_HEADER_BYTES;
	if (!prepared_has_names(prepared) && !sql_may_begin(text, length))
		return true;
	if (message->present < GATHERED_AFTER_BYTES)
		return false;
	if (message->body_length > FOLLOWED_BYTES) /* what is to be refused has to be whole */
		return !prepared_mentions_ours(text, length);
	return is_one_statement(text, length) && !has_commands(prepared->session->statements);
}

/* Without a statement, or a word, that may go on where the text is cut. */
static size_t uncut_length(const char *text, size_t length)
{
	const char *last = memrchr(text, ';', length);

	if (last != NULL)
		return (size_t)(last - text);
	while (length > 0 && sql_continues_word(text[length - 1]))
		length--;
	return length;
}

size_t prepared_readable_length(const struct message *message)
{
	size_t length = strnlen(message->body, message->present - MESSAGE_HEADER_BYTES);

	return message_is_whole(message) ? length : uncut_length(message->body, length);
}
