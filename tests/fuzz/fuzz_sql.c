/* Any SQL text: it is read to its end and no further, in whichever way, and what sets a parameter is not overlooked at a glance. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/sql.h"
#include "protocol/sql_settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
	if (!condition)
		abort();
}

static void look_at_statements(const char *text, size_t length, enum sql_quotes quotes)
{
	const char *end = text + length;
	const char *at = text;
	char name[SQL_NAME_BYTES + 1];
	struct sql sql;

	for (const char *before = at; sql_next(&at, end, quotes, &sql); before = at) {
		expect(at > before && at <= end);
		expect((sql.name != NULL) == (sql.effect == SQL_PREPARE ||
					      sql.effect == SQL_EXECUTE || sql.effect == SQL_DEALLOCATE));
		if (sql.name != NULL) {
			expect(sql.name >= before && sql.name + sql.name_length <= at);
			expect(sql_name(&sql, name) <= SQL_NAME_BYTES);
		}
	}
}

static void look_at_setting(void *context, enum sql_setting setting, const char *name)
{
	char copy[SQL_PARAMETER_BYTES];

	*(bool *)context = true;
	expect((name != NULL) == (setting == SQL_SETS || setting == SQL_RESETS));
	expect(name == NULL || sql_parameter_name(copy, name, strlen(name)));
}

/* The block of a DO has a semicolon in it, or the server refuses it. */
static bool may_have_block(const char *text, size_t length)
{
	for (size_t i = 0; i + 1 < length; i++)
		if ((text[i] | ' ') == 'd' && (text[i + 1] | ' ') == 'o')
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char name[SQL_PARAMETER_BYTES];
	bool sets = false;
	struct sql sql;

	/* The zero at its end is not to be relied on. */
	expect(text != NULL);
	char *last = memcpy(text + 1, data, size);
	for (enum sql_quotes quotes = 0; quotes < sql_readings(last, size); quotes++)
		look_at_statements(last, size, quotes);
	sql_look(&sql, last, size);
	sql_is_about_locks(last, size);
	sql_each_setting(last, size, look_at_setting, &sets);
	expect(!sql_is_plain_set(last, size, name) || strlen(name) > 0);
	expect(!sets || sql_may_set(last, size) || may_have_block(last, size));
	free(text);
	return 0;
}
