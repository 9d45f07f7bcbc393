#include "daemon/console/placeholder.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/console/types.h"

/* The number behind a `$` outside of quotes, or 0; `*length` is that of both. */
static size_t parameter_at(const char *text, size_t *length)
{
	char *end;

	if (*text != '$' || text[1] < '1' || text[1] > '9')
		return 0;
	unsigned long number = strtoul(text + 1, &end, 10);
	*length = (size_t)(end - text);
	return number;
}

size_t placeholders_count(const char *text)
{
	size_t most = 0, length = 1;
	char quote = '\0';

	for (; *text != '\0'; text++) {
		size_t number = quote == '\0' ? parameter_at(text, &length) : 0;
		if (*text == quote)
			quote = '\0';
		else if (quote == '\0' && (*text == '\'' || *text == '"'))
			quote = *text;
		if (number > most)
			most = number;
	}
	return most;
}

/* In a client's binary form only numbers are not as they are written. */
void placeholder_read_binary(struct placeholder_value *value, uint32_t type)
{
	const unsigned char *bytes = (const unsigned char *)value->bytes;
	bool fits = (type == OID_INT2 && value->length == 2) ||
		    (type == OID_INT4 && value->length == 4) ||
		    (type == OID_INT8 && value->length == 8);
	uint64_t number = fits && (bytes[0] & 0x80) ? UINT64_MAX : 0;

	if (!fits)
		return;
	for (size_t i = 0; i < value->length; i++)
		number = number << 8 | bytes[i];
	value->length = (size_t)snprintf(value->number, sizeof value->number, "%lld",
					 (long long)number);
	value->bytes = value->number;
}

static void write_value(struct writer *text, const struct placeholder_value *value)
{
	write_uint8(text, '"');
	for (size_t i = 0; i < value->length; i++) {
		if (value->bytes[i] == '"')
			write_uint8(text, '"');
		write_uint8(text, (unsigned char)value->bytes[i]);
	}
	write_uint8(text, '"');
}

void placeholders_fill(struct writer *writer, const char *text, const struct placeholder_value *values)
{
	char quote = '\0';
	size_t length = 1;

	for (; *text != '\0'; text += length) {
		size_t number = quote == '\0' ? parameter_at(text, &length) : 0;
		if (number > 0) {
			write_value(writer, &values[number - 1]);
			continue;
		}
		length = 1;
		if (*text == quote)
			quote = '\0';
		else if (quote == '\0' && (*text == '\'' || *text == '"'))
			quote = *text;
		write_uint8(writer, (unsigned char)*text);
	}
	write_uint8(writer, 0);
}
