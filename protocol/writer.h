/*
 * Builds messages into memory of its own: logins, errors, the console's rows. Not for relaying,
 * which allocates nothing. After memory has run out all calls do nothing and `failed` is set, so
 * only the end needs to look.
 * Source: PostgreSQL manual, "Message Formats".
 */
#ifndef MILLPOND_PROTOCOL_WRITER_H
#define MILLPOND_PROTOCOL_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/failure.h"

struct writer {
	char *data;
	size_t length;
	size_t capacity;
	size_t message; /* where the open message begins */
	bool failed;
};

void writer_init(struct writer *writer);
void writer_release(struct writer *writer);

/* The same for what nobody is to find in memory. */
void writer_wipe(struct writer *writer);

/* Empties a writer that is used again and again, and keeps its memory unless that has grown huge. */
void writer_reuse(struct writer *writer);

void write_bytes(struct writer *writer, const void *data, size_t length);
void write_uint8(struct writer *writer, unsigned value);
void write_uint16(struct writer *writer, unsigned value);
void write_uint32(struct writer *writer, uint32_t value);
/* A text with its terminating zero. */
void write_text(struct writer *writer, const char *text);

/* Opens a message with its letter; message_end() fills in its length. */
void message_begin(struct writer *writer, char letter);
void message_end(struct writer *writer);

/* Whole messages. An empty one is nothing but its letter. */
void write_empty(struct writer *writer, char letter);
void write_failure(struct writer *writer, const struct failure *why);
void write_notice(struct writer *writer, const char *message, const char *detail);
void write_parameter_status(struct writer *writer, const char *name, const char *value);
void write_command_complete(struct writer *writer, const char *tag);
void write_ready_for_query(struct writer *writer, char status);
void write_query(struct writer *writer, const char *sql);
/* Without a letter; the key is CANCEL_KEY_BYTES long. */
void write_cancel_request(struct writer *writer, const void *key);
/* A Describe and a Close of a prepared statement. */
void write_describe(struct writer *writer, const char *name);
void write_close(struct writer *writer, const char *name, size_t length);

#endif
