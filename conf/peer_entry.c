#include "conf/peer_entry.h"

#include <stdlib.h>
#include <string.h>

#include "conf/array.h"
#include "conf/entry_parser.h"
#include "conf/memory.h"

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

const struct field *peer_key_at(size_t index)
{
	return index < ARRAY_SIZE(keys) ? &keys[index] : NULL;
}

/* Two bytes of a cancel key. */
static int parse_id(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	long id = digits > 0 && digits < 9 && text[digits] == '\0' ? strtol(text, NULL, 10) : 0;

	return id <= 65535 ? (int)id : 0;
}

void peer_entry_parse(struct peer_entry *peer, const struct ini_entry *entry,
		      struct fault_list *faults, struct fault_list *notes)
{
	struct entry_parser parser = {
		.entry = entry,
		.faults = faults,
		.notes = notes,
		.what = "peer",
		.fields = keys,
		.field_count = ARRAY_SIZE(keys),
		.base = peer,
	};

	peer->id = parse_id(entry->key);
	peer->name = text_format("%d", peer->id); /* 7 and 007 are one */
	if (peer->id == 0)
		ENTRY_FAULT(&parser, "%s",
			    "its name must be the peer_id, a number from 1 to 65535");
	if (!entry_parse_fields(&parser))
		return;
	if (!peer->host || !*peer->host)
		ENTRY_FAULT(&parser, "%s", "host is missing");
	else if (strchr(peer->host, ','))
		ENTRY_FAULT(&parser, "%s", "host can only be one");
}

bool peer_entry_is_equal(const struct peer_entry *one, const struct peer_entry *other)
{
	return fields_are_equal(keys, ARRAY_SIZE(keys), one, other);
}

void peer_entry_release(struct peer_entry *peer)
{
	fields_release(keys, ARRAY_SIZE(keys), peer);
	free(peer->name);
	*peer = (struct peer_entry){0};
}
