#include "protocol/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *severity;
	const char *sqlstate;
	const char *message;
	const char *hint;
} table[] = {
	[FAILURE_NONE] = {"LOG", "00000", "", ""},
#define FAILURE(kind, severity, sqlstate, message, hint)                                           \
	[FAILURE_##kind] = {#severity, sqlstate, message, hint},
#include "protocol/failure.def"
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
bool failure_set(struct failure *why, enum failure_kind kind, ...)
{
	va_list arguments;

	why->kind = kind;
	why->told = false;
	why->detail[0] = '\0';
	why->hint = NULL;
	memcpy(why->sqlstate, table[kind].sqlstate, sizeof why->sqlstate);
	va_start(arguments, kind);
	vsnprintf(why->message, sizeof why->message, table[kind].message, arguments);
	va_end(arguments);
	return false;
}
#pragma GCC diagnostic pop

bool failure_detail(struct failure *why, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why->detail, sizeof why->detail, format, arguments);
	va_end(arguments);
	return false;
}

bool failure_limit(struct failure *why, const char *what, int64_t taken_us, const char *setting,
		   int64_t limit_us)
{
	return failure_detail(why, "%s %.1f s; %s is %g s.", what, (double)taken_us / 1e6, setting,
			      (double)limit_us / 1e6);
}

const char *failure_severity(const struct failure *why)
{
	return table[why->kind].severity;
}

const char *failure_hint(const struct failure *why)
{
	const char *hint = why->hint != NULL ? why->hint : table[why->kind].hint;
	return hint[0] == '\0' ? NULL : hint;
}

bool failure_from_server(struct failure *why, enum failure_kind kind, const char *body,
			 size_t length)
{
	const char *end = body + length;

	failure_set(why, kind, "");
	while (body < end && *body != '\0') {
		char field = *body++;
		size_t text = strnlen(body, (size_t)(end - body));
		if (field == 'C' && text == 5)
			memcpy(why->sqlstate, body, 5);
		if (field == 'M')
			snprintf(why->message, sizeof why->message, "%.*s", (int)text, body);
		if (field == 'D')
			snprintf(why->detail, sizeof why->detail, "%.*s", (int)text, body);
		body += text;
		if (body < end)
			body++;
	}
	if (why->message[0] == '\0')
		snprintf(why->message, sizeof why->message, "the server reported an error");
	return false;
}
