/*
 * The first packet of a client: startup, cancel request, or request for encryption. Pure: looks at
 * bytes and points into them.
 * Source: PostgreSQL manual, "Message Formats": StartupMessage, CancelRequest, SSLRequest,
 * GSSENCRequest.
 */
#ifndef MILLPOND_PROTOCOL_STARTUP_H
#define MILLPOND_PROTOCOL_STARTUP_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol/failure.h"

/* PostgreSQL's own limit (MAX_STARTUP_PACKET_LENGTH). */
#define STARTUP_LONGEST ((size_t)10000)

#define PROTOCOL_VERSION (3u << 16)

#define CANCEL_KEY_BYTES 8

/* The whole of a request for encryption by TLS. */
extern const char startup_ssl_request[8];

/* What stands in the place of a version in a CancelRequest. */
#define CANCEL_CODE (1234u << 16 | 5678u)

enum startup_kind {
	STARTUP_INCOMPLETE, /* more bytes are needed */
	STARTUP_BAD,	    /* `why` says so */
	STARTUP_SESSION,
	STARTUP_CANCEL,
	STARTUP_SSL,
	STARTUP_GSS,
};

/* Source: PostgreSQL manual, "Streaming Replication Protocol". */
enum replication_mode {
	REPLICATION_NONE,
	REPLICATION_PHYSICAL, /* a word for true */
	REPLICATION_LOGICAL,  /* `database` */
};

/* A server cuts longer names of users and databases (NAMEDATALEN - 1). */
#define STARTUP_NAME_MOST ((size_t)63)

struct startup {
	const char *packet;
	size_t packet_length; /* bytes that the packet takes */
	unsigned minor;	      /* of protocol 3 */
	const char *user;     /* texts are NULL when they were not given, and never empty */
	const char *database;
	const char *options;
	enum replication_mode replication;
	const char *parameters; /* name, value, name, value, ..., "" */
	const char *cancel_key; /* CANCEL_KEY_BYTES */
};

/* Looks at the first `length` bytes of a client. What it fills in points into `data`. */
enum startup_kind startup_parse(const char *data, size_t length, struct startup *startup,
				struct failure *why);

/* How many bytes are left of a name when it is cut, if need be, in front of a character of UTF-8. */
size_t startup_name_length(const char *name);

/*
 * Steps through the parameters: false at the end. `cursor` begins as startup->parameters. Leaves
 * out user, database, options and replication, but not the `_pq_.` ones.
 */
bool startup_next(const char **cursor, const char **name, const char **value);

/* Whether a name is a protocol option, to be answered by NegotiateProtocolVersion. */
bool startup_is_protocol_option(const char *name);

/*
 * Takes the next `-c name=value` or `--name=value` off a copy of `options`, which it cuts up; a
 * backslash quotes the next byte. 1: found; 0: the end; -1: something else, `why` says what.
 */
int startup_option_next(char **cursor, const char **name, const char **value, struct failure *why);

#endif
