#include "conf/loader.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/array.h"
#include "conf/check.h"
#include "conf/entry.h"
#include "conf/hba_options.h"
#include "conf/ident.h"
#include "conf/ini.h"
#include "conf/memory.h"
#include "conf/peer_entry.h"
#include "conf/repeats.h"
#include "conf/sort.h"
#include "conf/source.h"
#include "conf/suggest.h"
#include "conf/table.h"

/* Where the file sets a setting last; no file: nowhere. */
struct place {
	char *file;
	int line;
};

struct loader {
	struct settings *settings;
	struct fault_list *faults;
	const char *path;
	struct place places[SETTING_COUNT];
};

static const char *const sections[] = {"millpond", "pgbouncer", "databases", "users", "peers"};

/* Whether settings stand in it. */
static bool is_of_settings(const char *section)
{
	return strcmp(section, "millpond") == 0 || strcmp(section, "pgbouncer") == 0;
}

static bool is_of_databases(const char *section)
{
	return strcmp(section, "databases") == 0;
}

#define ENTRY_FAULT(loader, entry, ...) \
	fault_add((loader)->faults, (entry)->file, (entry)->line, __VA_ARGS__)

/* --- Sections --- */

static void read_header(struct loader *loader, const struct ini_entry *entry)
{
	struct suggestion suggestion;

	suggestion_init(&suggestion, entry->section);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		if (strcmp(entry->section, sections[i]) == 0)
			return;
		suggestion_offer(&suggestion, sections[i]);
	}
	ENTRY_FAULT(loader, entry, "unknown section \"%.80s\"%s", entry->section,
		    suggestion_text(&suggestion));
}

/* --- [millpond] --- */

static void read_unknown_setting(struct loader *loader, const struct ini_entry *entry)
{
	struct suggestion suggestion;

	suggestion_init(&suggestion, entry->key);
	for (int i = 0; i < SETTING_COUNT; i++)
		suggestion_offer(&suggestion, setting_table[i].name);
	for (size_t i = 0; foreign_setting_at(i); i++)
		suggestion_offer(&suggestion, foreign_setting_at(i)->name);
	ENTRY_FAULT(loader, entry, "unknown setting \"%.80s\"%s", entry->key,
		    suggestion_text(&suggestion));
}

/* Whether something in the value looks like a comment, which begins with a blank and goes on behind its sign. */
static bool has_comment(const char *value)
{
	for (const char *at = value; *at; at++)
		if (isblank((unsigned char)*at) && (at[1] == ';' || at[1] == '#') && at[2])
			return true;
	return false;
}

static void refuse_setting(struct loader *loader, const struct ini_entry *entry, const char *why)
{
	if (has_comment(entry->value))
		ENTRY_FAULT(loader, entry, "%s: %s; " INI_COMMENT_ADVICE, entry->key, why);
	else
		ENTRY_FAULT(loader, entry, "%s: %s", entry->key, why);
}

/* What whoever wrote the line may not expect. */
static void note_setting(struct loader *loader, const struct ini_entry *entry,
			 const struct field *field, const struct place *before)
{
	struct fault_list *notes = &loader->settings->notes;

	if (field->is_inert)
		fault_add(notes, entry->file, entry->line, "\"%s\" has no effect: %s", field->name,
			  field->help);
	if (field->kind == FIELD_TEXT && !field->is_secret && has_comment(entry->value))
		fault_add(notes, entry->file, entry->line,
			  "%s: all of \"%.200s\" is the value; " INI_COMMENT_ADVICE, field->name,
			  entry->value);
	if (before->file && entry->line > 0)
		fault_add(notes, entry->file, entry->line,
			  "%s is set again; the value of %s:%d does not count", field->name,
			  before->file, before->line);
}

static void read_setting(struct loader *loader, const struct ini_entry *entry)
{
	const struct foreign_setting *foreign = foreign_setting_find(entry->key);
	int index = setting_index(entry->key);
	char why[FIELD_WHY_BYTES];

	if (index < 0 && foreign) {
		fault_add(&loader->settings->notes, entry->file, entry->line,
			  "\"%s\" has no effect: %s", foreign->name, foreign->why_inert);
		return;
	}
	if (index < 0) {
		read_unknown_setting(loader, entry);
		return;
	}
	if (!field_parse(&setting_table[index], loader->settings, entry->value, why))
		refuse_setting(loader, entry, why);
	else if (*why)
		fault_add(&loader->settings->notes, entry->file, entry->line, "%s: %s", entry->key,
			  why);
	note_setting(loader, entry, &setting_table[index], &loader->places[index]);
	free(loader->places[index].file);
	loader->places[index] = (struct place){text_copy(entry->file), entry->line};
}

/* --- [databases], [users] and [peers] --- */

static void read_database(struct loader *loader, const struct ini_entry *entry)
{
	struct settings *settings = loader->settings;
	struct database *database;

	settings->databases = memory_grow(settings->databases, settings->database_count,
					  sizeof(*settings->databases));
	database = &settings->databases[settings->database_count++];
	*database = (struct database){0};
	database_parse(database, entry, loader->faults, &settings->notes);
}

static void read_user(struct loader *loader, const struct ini_entry *entry)
{
	struct settings *settings = loader->settings;
	struct user_settings *user;

	settings->users =
		memory_grow(settings->users, settings->user_count, sizeof(*settings->users));
	user = &settings->users[settings->user_count++];
	*user = (struct user_settings){0};
	user_settings_parse(user, entry, loader->faults, &settings->notes);
}

static void read_peer(struct loader *loader, const struct ini_entry *entry)
{
	struct settings *settings = loader->settings;
	struct peer_entry *peer;

	settings->peers =
		memory_grow(settings->peers, settings->peer_count, sizeof(*settings->peers));
	peer = &settings->peers[settings->peer_count++];
	*peer = (struct peer_entry){0};
	peer_entry_parse(peer, entry, loader->faults, &settings->notes);
}

static void read_entry(void *context, const struct ini_entry *entry)
{
	struct loader *loader = context;
	const char *section = entry->section;

	if (!entry->key)
		read_header(loader, entry);
	else if (!*section)
		ENTRY_FAULT(loader, entry, "\"%.80s\" stands before any section", entry->key);
	else if (is_of_databases(section))
		read_database(loader, entry);
	else if (strcmp(section, "users") == 0)
		read_user(loader, entry);
	else if (strcmp(section, "peers") == 0)
		read_peer(loader, entry);
	else if (is_of_settings(section))
		read_setting(loader, entry);
	/* The header of any other section has been refused, which says enough about its pairs. */
}

/* --- In the end --- */

_Static_assert(offsetof(struct database, name) == 0 && offsetof(struct user_settings, name) == 0 &&
		       offsetof(struct peer_entry, name) == 0,
	       "entries are sorted by what stands first in them");

static void drop_database(void *entry, void *next)
{
	(void)next;
	database_release(entry);
}

static void drop_user(void *entry, void *next)
{
	(void)next;
	user_settings_release(entry);
}

static void drop_peer(void *entry, void *next)
{
	(void)next;
	peer_entry_release(entry);
}

/* The working directory may be another one at the next reload. */
static char *absolute_path(const char *path)
{
	char *directory, *absolute;

	if (path[0] == '/')
		return text_copy(path);
	directory = get_current_dir_name();
	absolute = text_format("%s/%s", directory ? directory : "", path);
	free(directory);
	return absolute;
}

/* --- Pairs --- */

static void add_pair(struct settings *settings, const struct ini_entry *entry)
{
	struct pair *pair;

	settings->pairs =
		memory_grow(settings->pairs, settings->pair_count, sizeof(*settings->pairs));
	pair = &settings->pairs[settings->pair_count++];
	*pair = (struct pair){
		.file = text_copy(entry->file),
		.line = entry->line,
		.section = text_copy(entry->section),
		.key = text_copy(entry->key),
		.value = text_copy(entry->value),
	};
}

static void remember(void *context, const struct ini_entry *entry)
{
	add_pair(context, entry);
}

static struct ini_entry entry_of(const struct pair *pair)
{
	return (struct ini_entry){pair->file, pair->line, pair->section, pair->key, pair->value};
}

/* The last one, which is the one that counts. */
static const struct pair *find_pair(const struct settings *settings, const char *key,
				    bool (*is_of_kind)(const char *section))
{
	for (size_t i = settings->pair_count; i-- > 0;) {
		const struct pair *pair = &settings->pairs[i];

		if (pair->key && strcmp(pair->key, key) == 0 && is_of_kind(pair->section))
			return pair;
	}
	return NULL;
}

const struct pair *settings_pair(const struct settings *settings, const char *name)
{
	return find_pair(settings, name, is_of_settings);
}

const struct pair *settings_database_pair(const struct settings *settings,
					  const struct database *database)
{
	return find_pair(settings, database->name, is_of_databases);
}

void settings_release_pairs(struct settings *settings)
{
	for (size_t i = 0; i < settings->pair_count; i++) {
		free(settings->pairs[i].file);
		free(settings->pairs[i].section);
		free(settings->pairs[i].key);
		/* Any of them may hold a password. */
		text_wipe(settings->pairs[i].value);
	}
	free(settings->pairs);
}

/* --- The files that settings name --- */

static const char *read_auth_file(struct loader *loader, const char *path)
{
	return auth_users_read(&loader->settings->auth_users, path, loader->faults);
}

static const char *read_hba_file(struct loader *loader, const char *path)
{
	return hba_read(&loader->settings->hba, path, loader->faults, &loader->settings->notes);
}

static const char *read_ident_file(struct loader *loader, const char *path)
{
	return ident_read(&loader->settings->hba, path, loader->faults);
}

static void read_file(struct loader *loader, const char *name, const char *file,
		      const char *(*read)(struct loader *loader, const char *path))
{
	char *path;
	const char *wrong;

	if (!*file)
		return;
	path = source_find(file, loader->path);
	wrong = read(loader, path);
	if (wrong)
		setting_fault(loader->faults, loader->settings, name, "%s: cannot read \"%s\": %s",
			      name, path, wrong);
	free(path);
}

static void read_files(struct loader *loader)
{
	const struct settings *settings = loader->settings;

	read_file(loader, "auth_file", settings->auth_file, read_auth_file);
	if (settings->auth_type != AUTH_HBA || !*settings->auth_hba_file)
		return;
	read_file(loader, "auth_hba_file", settings->auth_hba_file, read_hba_file);
	read_file(loader, "auth_ident_file", settings->auth_ident_file, read_ident_file);
}

static void read_directory(struct loader *loader)
{
	struct settings *settings = loader->settings;
	char why[HBA_OPTIONS_WHY_BYTES];

	if (!*settings->auth_ldap_options)
		return;
	settings->directory = hba_options_directory(settings->auth_ldap_options, why);
	if (!settings->directory)
		setting_fault(loader->faults, settings, "auth_ldap_options",
			      "auth_ldap_options: %s", why);
}

/* Makes everything of the pairs; `is_read`: they are all that the file has. */
static void interpret(struct loader *loader, bool is_read)
{
	struct settings *settings = loader->settings;

	fields_set_default(setting_table, SETTING_COUNT, settings);
	for (size_t i = 0; i < settings->pair_count; i++) {
		struct ini_entry entry = entry_of(&settings->pairs[i]);

		read_entry(loader, &entry);
	}
	/* Of a file that cannot be read at all, nothing else needs to be said. */
	if (is_read)
		settings_check(settings, loader->faults);
	if (!*settings->conffile) {
		free(settings->conffile);
		settings->conffile = text_copy(settings->path);
	}
	read_files(loader);
	read_directory(loader);
	settings->server_login_retry_is_set = settings_pair(settings, "server_login_retry") != NULL;
	settings->databases = sort_by_name(settings->databases, &settings->database_count,
					   sizeof(*settings->databases), drop_database);
	settings->users = sort_by_name(settings->users, &settings->user_count,
				       sizeof(*settings->users), drop_user);
	settings->peers = sort_by_name(settings->peers, &settings->peer_count,
				       sizeof(*settings->peers), drop_peer);
	/* A line with a fault may be what seems to be missing. */
	if (loader->faults->count == 0) {
		settings_note_oddities(settings);
		settings_note_repeats(settings);
	}
	for (int i = 0; i < SETTING_COUNT; i++)
		free(loader->places[i].file);
}

void settings_fill(struct settings *settings, const char *path, struct fault_list *faults)
{
	struct loader loader = {.settings = settings, .faults = faults, .path = path};

	settings->path = absolute_path(path);
	interpret(&loader, ini_read(path, remember, settings, faults));
}

void settings_refill(struct settings *settings, const struct settings *from, const char *name,
		     const char *value, struct fault_list *faults)
{
	struct loader loader = {.settings = settings, .faults = faults, .path = from->path};

	settings->path = text_copy(from->path);
	for (size_t i = 0; i < from->pair_count; i++) {
		struct ini_entry entry = entry_of(&from->pairs[i]);

		/* What was SET before is replaced. */
		if (entry.line > 0 || strcmp(entry.key, name) != 0)
			add_pair(settings, &entry);
	}
	add_pair(settings, &(struct ini_entry){"SET", 0, "millpond", name, value});
	interpret(&loader, true);
}
