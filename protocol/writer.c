#include "protocol/writer.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/message.h"
#include "protocol/startup.h"

/* More than this is not kept for the next use. */
#define REUSED_BYTES ((size_t)1024 * 1024)

void writer_init(struct writer *writer)
{
	*writer = (struct writer){0};
}

void writer_release(struct writer *writer)
{
	free(writer->data);
	writer_init(writer);
}

void writer_wipe(struct writer *writer)
{
	if (writer->data != NULL)
		explicit_bzero(writer->data, writer->length);
	writer_release(writer);
}

void writer_reuse(struct writer *writer)
{
	if (writer->capacity > REUSED_BYTES)
		writer_release(writer);
	writer->length = 0;
	writer->failed = false;
}

static bool make_room(struct writer *writer, size_t length)
{
	if (writer->failed)
		return false;
	if (writer->capacity - writer->length >= length)
		return true;
	size_t capacity = writer->capacity * 2 + length + 64;
	char *data = realloc(writer->data, capacity);
	if (data == NULL) {
		writer->failed = true;
		return false;
	}
	writer->data = data;
	writer->capacity = capacity;
	return true;
}

void write_bytes(struct writer *writer, const void *data, size_t length)
{
	if (length == 0 || !make_room(writer, length))
		return;
	memcpy(writer->data + writer->length, data, length);
	writer->length += length;
}

void write_uint8(struct writer *writer, unsigned value)
{
	unsigned char byte = (unsigned char)value;
	write_bytes(writer, &byte, 1);
}

void write_uint16(struct writer *writer, unsigned value)
{
	unsigned char bytes[2] = {(unsigned char)(value >> 8), (unsigned char)value};
	write_bytes(writer, bytes, sizeof bytes);
}

static void put_uint32(unsigned char bytes[4], uint32_t value)
{
	bytes[0] = (unsigned char)(value >> 24);
	bytes[1] = (unsigned char)(value >> 16);
	bytes[2] = (unsigned char)(value >> 8);
	bytes[3] = (unsigned char)value;
}

void write_uint32(struct writer *writer, uint32_t value)
{
	unsigned char bytes[4];
	put_uint32(bytes, value);
	write_bytes(writer, bytes, sizeof bytes);
}

void write_text(struct writer *writer, const char *text)
{
	write_bytes(writer, text, strlen(text) + 1);
}

void message_begin(struct writer *writer, char letter)
{
	writer->message = writer->length;
	write_uint8(writer, (unsigned char)letter);
	write_uint32(writer, 0);
}

void message_end(struct writer *writer)
{
	if (writer->failed)
		return;
	size_t length = writer->length - writer->message - 1;
	put_uint32((unsigned char *)writer->data + writer->message + 1, (uint32_t)length);
}

static void write_field(struct writer *writer, char field, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	write_uint8(writer, (unsigned char)field);
	write_text(writer, text);
}

/* Severity stands twice: 'S' may be translated, 'V' never is. */
static void begin_report(struct writer *writer, char letter, const char *severity,
			 const char *sqlstate, const char *message)
{
	message_begin(writer, letter);
	write_field(writer, 'S', severity);
	write_field(writer, 'V', severity);
	write_field(writer, 'C', sqlstate);
	write_field(writer, 'M', message);
}

static void end_report(struct writer *writer)
{
	write_uint8(writer, 0);
	message_end(writer);
}

void write_failure(struct writer *writer, const struct failure *why)
{
	begin_report(writer, BACKEND_ERROR, failure_severity(why), why->sqlstate, why->message);
	write_field(writer, 'D', why->detail);
	write_field(writer, 'H', failure_hint(why));
	/* By this place in PostgreSQL drivers recognise it, and prepare anew. */
	if (why->kind == FAILURE_PLAN_CHANGED) {
		write_field(writer, 'F', "plancache.c");
		write_field(writer, 'R', "RevalidateCachedQuery");
	}
	end_report(writer);
}

void write_notice(struct writer *writer, const char *message, const char *detail)
{
	begin_report(writer, BACKEND_NOTICE, "NOTICE", "00000", message);
	write_field(writer, 'D', detail);
	end_report(writer);
}

void write_empty(struct writer *writer, char letter)
{
	message_begin(writer, letter);
	message_end(writer);
}

void write_parameter_status(struct writer *writer, const char *name, const char *value)
{
	message_begin(writer, BACKEND_PARAMETER_STATUS);
	write_text(writer, name);
	write_text(writer, value);
	message_end(writer);
}

void write_command_complete(struct writer *writer, const char *tag)
{
	message_begin(writer, BACKEND_COMMAND_COMPLETE);
	write_text(writer, tag);
	message_end(writer);
}

void write_ready_for_query(struct writer *writer, char status)
{
	message_begin(writer, BACKEND_READY_FOR_QUERY);
	write_uint8(writer, (unsigned char)status);
	message_end(writer);
}

void write_query(struct writer *writer, const char *sql)
{
	message_begin(writer, FRONTEND_QUERY);
	write_text(writer, sql);
	message_end(writer);
}

void write_cancel_request(struct writer *writer, const void *key)
{
	write_uint32(writer, 8 + CANCEL_KEY_BYTES);
	write_uint32(writer, CANCEL_CODE);
	write_bytes(writer, key, CANCEL_KEY_BYTES);
}

void write_describe(struct writer *writer, const char *name)
{
	message_begin(writer, FRONTEND_DESCRIBE);
	write_uint8(writer, 'S');
	write_text(writer, name);
	message_end(writer);
}

void write_close(struct writer *writer, const char *name, size_t length)
{
	message_begin(writer, FRONTEND_CLOSE);
	write_uint8(writer, 'S');
	write_bytes(writer, name, length);
	write_uint8(writer, 0);
	message_end(writer);
}
