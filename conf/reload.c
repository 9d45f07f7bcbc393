/*
 * New settings in the place of old ones: what differs, and what has to wait for a restart.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/entry.h"
#include "conf/memory.h"
#include "conf/peer_entry.h"
#include "conf/settings.h"
#include "conf/table.h"

struct reporter {
	void (*report)(void *context, const char *line);
	void *context;
};

/* `default_pool_size: 20 -> 40`, and what is to be added; to be freed. */
static char *difference(const struct field *field, const struct settings *old,
			const struct settings *new, const char *remark)
{
	char before[256], after[256];

	field_print(field, old, before, sizeof(before));
	field_print(field, new, after, sizeof(after));
	return text_format("%s: %s -> %s%s", field->name, *before ? before : "(empty)",
			   *after ? after : "(empty)", remark);
}

static void describe_setting(const struct reporter *reporter, const struct field *field,
			     const struct settings *old, const struct settings *new)
{
	char *line;

	if (field_is_equal(field, old, new))
		return;
	line = difference(field, old, new, field->is_reloadable ? "" : " (takes a restart)");
	reporter->report(reporter->context, line);
	free(line);
}

/* Entries are named, but what is in them is not shown: it may be a password. */
static void describe_entry(const struct reporter *reporter, const char *what, const char *name,
			   const char *happened)
{
	char *line = text_format("%s \"%s\": %s", what, name, happened);

	reporter->report(reporter->context, line);
	free(line);
}

/* Arrays of entries, each in the order of the names, which stand first in an entry. */
struct entries {
	const char *what;
	const void *old, *new;
	size_t old_count, new_count, bytes;
	bool (*is_equal)(const void *one, const void *other);
};

static const void *entry_at(const void *entries, size_t index, size_t bytes)
{
	return (const char *)entries + index * bytes;
}

/* Walks along both at once, as in a merge. */
static void describe_entries(const struct reporter *reporter, const struct entries *entries)
{
	size_t i = 0, j = 0;

	while (i < entries->old_count || j < entries->new_count) {
		const void *old = entry_at(entries->old, i, entries->bytes);
		const void *new = entry_at(entries->new, j, entries->bytes);
		int order;

		if (i == entries->old_count)
			order = 1;
		else if (j == entries->new_count)
			order = -1;
		else
			order = strcmp(*(char *const *)old, *(char *const *)new);

		if (order < 0)
			describe_entry(reporter, entries->what, *(char *const *)old, "removed");
		else if (order > 0)
			describe_entry(reporter, entries->what, *(char *const *)new, "added");
		else if (!entries->is_equal(old, new))
			describe_entry(reporter, entries->what, *(char *const *)new, "changed");
		i += order <= 0;
		j += order >= 0;
	}
}

static bool are_databases_equal(const void *one, const void *other)
{
	return database_is_equal(one, other);
}

static bool are_users_equal(const void *one, const void *other)
{
	return user_settings_is_equal(one, other);
}

static bool are_peers_equal(const void *one, const void *other)
{
	return peer_entry_is_equal(one, other);
}

void settings_describe_changes(const struct settings *old, const struct settings *new,
			       void (*report)(void *context, const char *line), void *context)
{
	struct reporter reporter = {report, context};

	for (int i = 0; i < SETTING_COUNT; i++)
		describe_setting(&reporter, &setting_table[i], old, new);
	if (!hba_is_equal(&old->hba, &new->hba))
		report(context, "auth_hba_file: changed");
	if (!auth_users_are_equal(&old->auth_users, &new->auth_users))
		report(context, "the users of auth_file: changed");
	describe_entries(&reporter,
			 &(struct entries){"database", old->databases, new->databases,
					   old->database_count, new->database_count,
					   sizeof(*old->databases), are_databases_equal});
	describe_entries(&reporter,
			 &(struct entries){"user", old->users, new->users, old->user_count,
					   new->user_count, sizeof(*old->users), are_users_equal});
	describe_entries(&reporter,
			 &(struct entries){"peer", old->peers, new->peers, old->peer_count,
					   new->peer_count, sizeof(*old->peers), are_peers_equal});
}

void settings_keep_restart_values(struct settings *new, const struct settings *old)
{
	for (int i = 0; i < SETTING_COUNT; i++) {
		const struct field *field = &setting_table[i];
		char *line;

		if (field->is_reloadable || field_is_equal(field, old, new))
			continue;
		line = difference(field, old, new, "");
		fault_add(&new->pending, new->path, 0, "%s", line);
		free(line);
		field_copy(field, new, old);
	}
}

struct settings *settings_reload(const struct settings *old, struct fault_list *faults,
				 void (*report)(void *context, const char *line), void *context)
{
	size_t faults_before = faults->count;
	struct settings *new = settings_load_anyway(old->conffile, faults);

	if (faults->count > faults_before)
		return new;
	settings_describe_changes(old, new, report, context);
	settings_keep_restart_values(new, old);
	return new;
}
