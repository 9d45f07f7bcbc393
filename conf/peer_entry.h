/*
 * One line of [peers]: another pooler of the same group, to which cancel requests for its clients are
 * passed on. Made from its text, compared with that of another configuration, and freed.
 */
#ifndef MILLPOND_CONF_PEER_ENTRY_H
#define MILLPOND_CONF_PEER_ENTRY_H

#include <stdbool.h>

#include "conf/field.h"
#include "conf/ini.h"
#include "conf/settings.h"

/* As database_parse(), see conf/entry.h. */
void peer_entry_parse(struct peer_entry *peer, const struct ini_entry *entry,
		      struct fault_list *faults, struct fault_list *notes);

/* The keys that are fields of the structure, from 0; NULL: there are no more. */
const struct field *peer_key_at(size_t index);

bool peer_entry_is_equal(const struct peer_entry *one, const struct peer_entry *other);
void peer_entry_release(struct peer_entry *peer);

#endif
