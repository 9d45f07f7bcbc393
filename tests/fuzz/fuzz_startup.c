/*
 * The first packet of a client: whatever the bytes are, what is found lies inside of them, and
 * fewer of them are never taken for something else.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/startup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
	if (!condition)
		abort();
}

/* Whether a text, with its end, lies in the packet. */
static void expect_inside(const struct startup *startup, const char *text, const char *data)
{
	if (text == NULL)
		return;
	expect(text >= data && text < data + startup->packet_length);
	expect(memchr(text, 0, startup->packet_length - (size_t)(text - data)) != NULL);
}

static void walk_options(const char *options)
{
	char *copy = strdup(options), *cursor = copy;
	char *end = copy + strlen(copy);
	const char *name, *value;
	struct failure why;

	while (startup_option_next(&cursor, &name, &value, &why) == 1)
		expect(cursor <= end && *name != '\0' && name < value && value <= end);
	free(copy);
}

static void walk(const struct startup *startup, const char *data)
{
	const char *cursor = startup->parameters, *name, *value;

	expect_inside(startup, startup->user, data);
	expect_inside(startup, startup->database, data);
	expect_inside(startup, startup->options, data);
	expect_inside(startup, startup->parameters, data);
	while (startup_next(&cursor, &name, &value)) {
		expect_inside(startup, name, data);
		expect_inside(startup, value, data);
		startup_is_protocol_option(name);
	}
	expect(cursor == data + startup->packet_length - 1);
	if (startup->options != NULL)
		walk_options(startup->options);
}

/* The answer for a part is "more", or what it is for the whole. */
static void cut(const char *data, size_t size, enum startup_kind whole)
{
	for (size_t length = 0; length < size; length += length < 24 ? 1 : 97) {
		char *part = malloc(length > 0 ? length : 1);
		struct startup startup;
		struct failure why;
		memcpy(part, data, length);
		enum startup_kind kind = startup_parse(part, length, &startup, &why);
		expect(kind == STARTUP_INCOMPLETE || kind == whole);
		free(part);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	struct startup startup;
	struct failure why = {0};
	enum startup_kind kind = startup_parse(bytes, size, &startup, &why);

	if (kind == STARTUP_BAD)
		expect(why.kind != FAILURE_NONE && why.message[0] != '\0');
	else if (kind != STARTUP_INCOMPLETE)
		expect(startup.packet_length >= 8 && startup.packet_length <= size &&
		       startup.packet_length <= STARTUP_LONGEST);
	if (kind == STARTUP_SESSION)
		walk(&startup, bytes);
	if (kind == STARTUP_CANCEL)
		expect(startup.cancel_key + CANCEL_KEY_BYTES == bytes + startup.packet_length);
	cut(bytes, size, kind);
	return 0;
}
