#include "protocol/startup.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "protocol/message.h"

#define PROTOCOL_MAJOR(version) ((version) >> 16)
#define PROTOCOL_MINOR(version) ((version)&0xffff)

/* Request codes look like protocol versions that will never be. */
#define SSL_CODE (1234u << 16 | 5679u)
#define GSS_CODE (1234u << 16 | 5680u)

#define FIXED_BYTES ((size_t)8) /* length and version */

/* What PostgreSQL says of such packets. */
#define BAD_LENGTH "invalid length of startup packet"
#define NO_VALUE "invalid startup packet layout: expected value"
#define NO_TERMINATOR "invalid startup packet layout: expected terminator as last byte"

const char startup_ssl_request[] = {0, 0, 0, FIXED_BYTES,
				    1234 >> 8, (char)(1234 & 0xff), 5679 >> 8, 5679 & 0xff};

static const char *not_empty(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

/* As PostgreSQL reads it (parse_bool): any case, and as few letters as tell the word from others. */
static bool parse_replication(const char *value, enum replication_mode *mode)
{
	static const struct {
		const char *word;
		size_t shortest;
		enum replication_mode mode;
	} words[] = {
		{"true", 1, REPLICATION_PHYSICAL}, {"false", 1, REPLICATION_NONE},
		{"yes", 1, REPLICATION_PHYSICAL},  {"no", 1, REPLICATION_NONE},
		{"on", 2, REPLICATION_PHYSICAL},   {"off", 2, REPLICATION_NONE},
		{"1", 1, REPLICATION_PHYSICAL},	   {"0", 1, REPLICATION_NONE},
	};
	size_t length = strlen(value);

	if (strcmp(value, "database") == 0) {
		*mode = REPLICATION_LOGICAL;
		return true;
	}
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (length >= words[i].shortest && strncasecmp(value, words[i].word, length) == 0) {
			*mode = words[i].mode;
			return true;
		}
	return false;
}

static bool note_parameter(struct startup *startup, const char *name, const char *value,
			   struct failure *why)
{
	if (strcmp(name, "user") == 0)
		startup->user = not_empty(value);
	else if (strcmp(name, "database") == 0)
		startup->database = not_empty(value);
	else if (strcmp(name, "options") == 0)
		startup->options = not_empty(value);
	else if (strcmp(name, "replication") == 0)
		return parse_replication(value, &startup->replication) ||
		       failure_set(why, FAILURE_REPLICATION_VALUE, value);
	return true;
}

static enum startup_kind bad(const char *what, struct failure *why)
{
	failure_set(why, FAILURE_BAD_STARTUP, what);
	return STARTUP_BAD;
}

/* The packet's last byte is known to be zero, so each text ends inside. */
static enum startup_kind parse_parameters(struct startup *startup, const char *end,
					  struct failure *why)
{
	const char *at = startup->parameters;
	while (at < end - 1 && *at != '\0') {
		const char *name = at;
		const char *value = name + strlen(name) + 1;
		if (value >= end)
			return bad(NO_VALUE, why);
		if (!note_parameter(startup, name, value, why))
			return STARTUP_BAD;
		at = value + strlen(value) + 1;
	}
	if (at != end - 1)
		return bad(NO_TERMINATOR, why);
	return STARTUP_SESSION;
}

static enum startup_kind parse_session(const char *data, uint32_t version, struct startup *startup,
				       struct failure *why)
{
	const char *end = data + startup->packet_length;

	if (PROTOCOL_MAJOR(version) == 2) {
		failure_set(why, FAILURE_OLD_PROTOCOL);
		return STARTUP_BAD;
	}
	if (PROTOCOL_MAJOR(version) != 3) {
		failure_set(why, FAILURE_BAD_STARTUP, "unsupported frontend protocol");
		failure_detail(why, "The client asked for version %u.%u; this server speaks 3.0.",
			       PROTOCOL_MAJOR(version), PROTOCOL_MINOR(version));
		return STARTUP_BAD;
	}
	startup->minor = PROTOCOL_MINOR(version);
	if (startup->packet_length == FIXED_BYTES || end[-1] != '\0')
		return bad(NO_TERMINATOR, why);
	startup->parameters = data + FIXED_BYTES;
	return parse_parameters(startup, end, why);
}

static enum startup_kind expect_length(const struct startup *startup, size_t length,
				       enum startup_kind kind, struct failure *why)
{
	return startup->packet_length == length ? kind : bad(BAD_LENGTH, why);
}

enum startup_kind startup_parse(const char *data, size_t length, struct startup *startup,
				struct failure *why)
{
	*startup = (struct startup){.packet = data};
	if (length < 4)
		return STARTUP_INCOMPLETE;
	startup->packet_length = read_uint32(data);
	if (startup->packet_length < FIXED_BYTES || startup->packet_length > STARTUP_LONGEST)
		return bad(BAD_LENGTH, why);
	if (length < startup->packet_length)
		return STARTUP_INCOMPLETE;

	uint32_t version = read_uint32(data + 4);
	switch (version) {
	case CANCEL_CODE:
		startup->cancel_key = data + FIXED_BYTES;
		return expect_length(startup, FIXED_BYTES + CANCEL_KEY_BYTES, STARTUP_CANCEL, why);
	case SSL_CODE:
		return expect_length(startup, FIXED_BYTES, STARTUP_SSL, why);
	case GSS_CODE:
		return expect_length(startup, FIXED_BYTES, STARTUP_GSS, why);
	default:
		return parse_session(data, version, startup, why);
	}
}

static bool is_handled_apart(const char *name)
{
	return strcmp(name, "user") == 0 || strcmp(name, "database") == 0 ||
	       strcmp(name, "options") == 0 || strcmp(name, "replication") == 0;
}

size_t startup_name_length(const char *name)
{
	size_t length = strnlen(name, STARTUP_NAME_MOST + 1);

	if (length <= STARTUP_NAME_MOST)
		return length;
	for (length = STARTUP_NAME_MOST; length > STARTUP_NAME_MOST - 4; length--)
		if (((unsigned char)name[length] & 0xc0) != 0x80)
			return length;
	return STARTUP_NAME_MOST; /* it is in some other encoding */
}

bool startup_next(const char **cursor, const char **name, const char **value)
{
	while (**cursor != '\0') {
		*name = *cursor;
		*value = *name + strlen(*name) + 1;
		*cursor = *value + strlen(*value) + 1;
		if (!is_handled_apart(*name))
			return true;
	}
	return false;
}

bool startup_is_protocol_option(const char *name)
{
	return strncmp(name, "_pq_.", 5) == 0;
}

/* --- options ------------------------------------------------------------------------------ */

/* Cuts the next word out of the text, unquoting it in place. */
static char *next_word(char **cursor)
{
	char *in = *cursor;
	while (isspace((unsigned char)*in))
		in++;
	if (*in == '\0')
		return NULL;
	char *word = in;
	char *out = in;
	while (*in != '\0' && !isspace((unsigned char)*in)) {
		if (*in == '\\' && in[1] != '\0')
			in++;
		*out++ = *in++;
	}
	*cursor = *in == '\0' ? in : in + 1;
	*out = '\0';
	return word;
}

int startup_option_next(char **cursor, const char **name, const char **value, struct failure *why)
{
	char *word = next_word(cursor);
	if (word == NULL)
		return 0;
	char *setting = NULL;
	if (strncmp(word, "--", 2) == 0)
		setting = word + 2;
	else if (strcmp(word, "-c") == 0)
		setting = next_word(cursor);
	else if (strncmp(word, "-c", 2) == 0)
		setting = word + 2;

	char *equals = setting == NULL ? NULL : strchr(setting, '=');
	if (equals == NULL || equals == setting) {
		failure_set(why, FAILURE_STARTUP_OPTIONS);
		return -1;
	}
	*equals = '\0';
	/* As PostgreSQL does: --log-min-messages means log_min_messages. */
	for (char *c = setting; *c != '\0'; c++)
		if (*c == '-')
			*c = '_';
	*name = setting;
	*value = equals + 1;
	return 1;
}
