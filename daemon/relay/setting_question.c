#include "daemon/relay/setting_question.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/message.h"
#include "protocol/parameters.h"
#include "protocol/writer.h"

/* One byte more than LONGEST_TOLD_VALUE. */
#define TOO_LONG "8193"

/* Of each its name, its value, and where RESET leads: what is reset is so for this query alone, and the role comes first,
 * since another one might not be allowed to. What does not exist has no value. */
void setting_question_write(struct writer *sql, const struct parameters *names, size_t from,
			    size_t to)
{
	static const char head[] =
		"SELECT name, pg_catalog.left(value, " TOO_LONG
		"), CASE WHEN value IS NOT NULL THEN "
		"pg_catalog.left(pg_catalog.set_config(name, NULL, true), " TOO_LONG
		") END FROM (SELECT name, "
		"pg_catalog.current_setting(name, true) AS value FROM (VALUES ('" ROLE
		"'::pg_catalog.text)";

	write_bytes(sql, head, sizeof head - 1);
	for (size_t i = from; i < to; i++) {
		write_bytes(sql, ",('", 3);
		write_bytes(sql, parameters_name(names, i), strlen(parameters_name(names, i)));
		write_bytes(sql, "')", 2);
	}
	write_text(sql, ") AS names (name)) AS now");
}

/* NULL: it is NULL. False without memory. */
static bool copy_value(const char **cursor, const char *end, char **copy)
{
	const char *value = NULL;
	size_t length = 0;

	*copy = NULL;
	if (!row_next(cursor, end, &value, &length) || value == NULL)
		return true;
	*copy = strndup(value, length);
	return *copy != NULL;
}

bool setting_question_read(const struct message *row, struct told_setting *told)
{
	const char *cursor = row->body + 2;
	const char *end = row->body + row->body_length;
	const char *name = NULL;
	size_t length = 0;

	*told = (struct told_setting){0};
	if (row->body_length < 2 || !row_next(&cursor, end, &name, &length) || name == NULL ||
	    !sql_parameter_name(told->name, name, length))
		return true; /* that was not our question */
	return copy_value(&cursor, end, &told->value) && copy_value(&cursor, end, &told->start);
}

void told_setting_release(struct told_setting *told)
{
	free(told->value);
	free(told->start);
}
