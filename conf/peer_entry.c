#include "conf/peer_entry.h"

#include <stdlib.h>
#include <string.h>

#include "conf/array.h"
#include "conf/connstring.h"
#include "conf/memory.h"
#include "conf/suggest.h"

static const struct field keys[] = {
	{.name = "host",
	 .kind = FIELD_TEXT,
	 .offset = offsetof(struct peer_entry, host),
	 .help = "name, address or directory of the other pooler"},
	{.name = "port",
	 .kind = FIELD_COUNT,
	 .offset = offsetof(struct peer_entry, port),
	 .default_value = 6432,
	 .min = 1,
	 .max = 65535,
	 .is_decimal = true,
	 .help = "its port; if not set, 6432"},
	{.name = "pool_size",
	 .kind = FIELD_COUNT,
	 .offset = offsetof(struct peer_entry, pool_size),
	 .default_value = SETTING_UNSET,
	 .max = 1000000,
	 .is_decimal = true,
	 .help = "how many cancel requests are passed on to it at once; if not set, default_pool_size"},
};

#define ENTRY_FAULT(format, ...)                                                             \
	fault_add(faults, entry->file, entry->line, "peer \"%.80s\": " format, entry->key, \
		  __VA_ARGS__)

const struct field *peer_key_at(size_t index)
{
	return index < ARRAY_SIZE(keys) ? &keys[index] : NULL;
}

static void parse_pair(struct peer_entry *peer, const struct ini_entry *entry,
		       struct fault_list *faults, const char *key, const char *value)
{
	struct suggestion suggestion;
	char why[FIELD_WHY_BYTES];

	suggestion_init(&suggestion, key);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		suggestion_offer(&suggestion, keys[i].name);
		if (strcmp(keys[i].name, key) != 0)
			continue;
		if (!field_parse(&keys[i], peer, value, why))
			ENTRY_FAULT("%s: %s", key, why);
		return;
	}
	ENTRY_FAULT("unknown key \"%.80s\"%s", key, suggestion_text(&suggestion));
}

/* Two bytes of a cancel key. */
static int parse_id(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	long id = digits > 0 && digits < 9 && text[digits] == '\0' ? strtol(text, NULL, 10) : 0;

	return id <= 65535 ? (int)id : 0;
}

void peer_entry_parse(struct peer_entry *peer, const struct ini_entry *entry,
		      struct fault_list *faults)
{
	struct connstring cursor;

	peer->id = parse_id(entry->key);
	peer->name = text_format("%d", peer->id); /* 7 and 007 are one */
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		field_set_default(&keys[i], peer);
	if (peer->id == 0)
		ENTRY_FAULT("%s", "its name must be the peer_id, a number from 1 to 65535");
	connstring_init(&cursor, entry->value);
	while (connstring_next(&cursor))
		parse_pair(peer, entry, faults, cursor.key, cursor.value);
	if (cursor.wrong)
		ENTRY_FAULT("at character %zu of the value: %s", cursor.where, cursor.wrong);
	else if (!peer->host || !*peer->host)
		ENTRY_FAULT("%s", "host is missing");
	else if (strchr(peer->host, ','))
		ENTRY_FAULT("%s", "host can only be one");
	connstring_release(&cursor);
}

bool peer_entry_is_equal(const struct peer_entry *one, const struct peer_entry *other)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!field_is_equal(&keys[i], one, other))
			return false;
	}
	return true;
}

void peer_entry_release(struct peer_entry *peer)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		field_release(&keys[i], peer);
	free(peer->name);
	*peer = (struct peer_entry){0};
}
