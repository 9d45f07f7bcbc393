/*
 * Whether all that a client has done with its server, since that was lent to it, is one SET: then what has come of it is the
 * same each time. Belongs to the server connection, and is kept up while the client's requests and the server's
 * replies pass; where anything else happens, or might, it is no lone SET.
 */
#ifndef MILLPOND_RELAY_LONE_SET_H
#define MILLPOND_RELAY_LONE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The longest text that is one. */
#define LONE_SET_BYTES 256

struct lone_set {
	uint32_t commands; /* that have ended well */
	uint16_t length;   /* of the text, 0: nothing that may set anything has been run */
	bool is_spoilt;	   /* something else has happened */
	bool is_asked_for; /* the server is being asked what has come of it */
	char text[LONE_SET_BYTES];
};

/* The server is lent. */
static inline void lone_set_begin(struct lone_set *lone)
{
	lone->commands = 0;
	lone->length = 0;
	lone->is_spoilt = lone->is_asked_for = false;
}

/* A text that may set something is run, not only parsed; up to a zero in it. The same may be told of again, as one and the
 * same command. */
void lone_set_note_text(struct lone_set *lone, const char *text, size_t length);

/* A command has ended well. */
static inline void lone_set_note_command(struct lone_set *lone, const char *tag)
{
	lone->commands++;
	if (lone->length > 0 && strcmp(tag, "SET") != 0)
		lone->is_spoilt = true;
}

/* What was run has not ended well: it has failed, or is suspended. */
static inline void lone_set_spoil(struct lone_set *lone)
{
	lone->is_spoilt = true;
}

/* Outside a transaction: whether that text is all that was run, and has ended well. */
static inline bool lone_set_is_all(const struct lone_set *lone)
{
	return lone->length > 0 && !lone->is_spoilt && lone->commands == 1;
}

#endif
