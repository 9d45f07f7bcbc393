#include "conf/entry_parser.h"

#include <string.h>

#include "conf/keyword.h"
#include "conf/suggest.h"
#include "conf/table.h"

static const struct field *find_field(const struct entry_parser *parser, const char *name)
{
	for (size_t i = 0; i < parser->field_count; i++) {
		if (strcmp(parser->fields[i].name, name) == 0)
			return &parser->fields[i];
	}
	return NULL;
}

bool entry_parse_field(const struct entry_parser *parser, const char *key, const char *value)
{
	const struct field *field = find_field(parser, key);
	char why[FIELD_WHY_BYTES];

	if (!field)
		return false;
	if (!field_parse(field, parser->base, value, why))
		ENTRY_FAULT(parser, "%s: %s", key, why);
	else if (*why)
		ENTRY_NOTE(parser, "%s: %s", key, why);
	return true;
}

static bool is_setting(const char *key)
{
	for (int i = 0; i < SETTING_COUNT; i++)
		if (strcmp(setting_table[i].name, key) == 0)
			return true;
	return false;
}

void entry_refuse_key(const struct entry_parser *parser, const char *key)
{
	struct suggestion suggestion;

	suggestion_init(&suggestion, key);
	for (size_t i = 0; i < parser->field_count; i++)
		suggestion_offer(&suggestion, parser->fields[i].name);
	for (size_t i = 0; parser->takes_keywords && keyword_at(i); i++)
		suggestion_offer(&suggestion, keyword_at(i)->name);
	if (suggestion.distance > 0 && is_setting(key))
		ENTRY_FAULT(parser, "unknown key \"%.80s\": it is a setting of [millpond]", key);
	else
		ENTRY_FAULT(parser, "unknown key \"%.80s\"%s", key, suggestion_text(&suggestion));
}

bool entry_check_syntax(const struct entry_parser *parser, const struct connstring *cursor)
{
	if (!cursor->wrong)
		return true;
	ENTRY_FAULT(parser, "at character %zu of the value: %s", cursor->where, cursor->wrong);
	return false;
}

bool entry_parse_fields(const struct entry_parser *parser)
{
	struct connstring cursor;

	fields_set_default(parser->fields, parser->field_count, parser->base);
	connstring_init(&cursor, parser->entry->value);
	while (connstring_next(&cursor)) {
		if (!entry_parse_field(parser, cursor.key, cursor.value))
			entry_refuse_key(parser, cursor.key);
	}
	bool good = entry_check_syntax(parser, &cursor);
	connstring_release(&cursor);
	return good;
}
