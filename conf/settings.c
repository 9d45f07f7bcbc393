#include "conf/settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/directory.h"
#include "conf/entry.h"
#include "conf/loader.h"
#include "conf/memory.h"
#include "conf/peer_entry.h"
#include "conf/sort.h"
#include "conf/table.h"

static void settings_free(struct settings *settings)
{
	fields_release(setting_table, SETTING_COUNT, settings);
	for (size_t i = 0; i < settings->database_count; i++)
		database_release(&settings->databases[i]);
	for (size_t i = 0; i < settings->user_count; i++)
		user_settings_release(&settings->users[i]);
	for (size_t i = 0; i < settings->peer_count; i++)
		peer_entry_release(&settings->peers[i]);
	free(settings->peers);
	free(settings->databases);
	free(settings->users);
	free(settings->path);
	auth_users_release(&settings->auth_users);
	directory_free(settings->directory);
	hba_release(&settings->hba);
	fault_list_release(&settings->notes);
	fault_list_release(&settings->pending);
	settings_release_pairs(settings);
	if (settings->client_tls.release)
		settings->client_tls.release(settings->client_tls.object);
	free(settings);
}

static struct settings *settings_new(void)
{
	struct settings *settings = memory_zeroed(sizeof(*settings));

	atomic_init(&settings->holders, 1);
	return settings;
}

struct settings *settings_load_anyway(const char *path, struct fault_list *faults)
{
	struct settings *settings = settings_new();

	settings_fill(settings, path, faults);
	return settings;
}

struct settings *settings_load(const char *path, struct fault_list *faults)
{
	size_t faults_before = faults->count;
	struct settings *settings = settings_load_anyway(path, faults);

	if (faults->count == faults_before)
		return settings;
	settings_free(settings);
	return NULL;
}

static bool may_change(const char *name, struct fault_list *faults)
{
	int index = setting_index(name);

	if (index < 0)
		fault_add(faults, "SET", 0, "there is no setting \"%s\"", name);
	else if (!setting_table[index].is_reloadable)
		fault_add(faults, "SET", 0, "%s takes a restart", name);
	return index >= 0 && setting_table[index].is_reloadable;
}

struct settings *settings_change(const struct settings *old, const char *name, const char *value,
				 struct fault_list *faults)
{
	struct settings *settings;
	size_t faults_before = faults->count;

	if (!may_change(name, faults))
		return NULL;
	settings = settings_new();
	settings_refill(settings, old, name, value, faults);
	settings_keep_restart_values(settings, old);
	if (faults->count == faults_before)
		return settings;
	settings_free(settings);
	return NULL;
}

struct settings *settings_hold(struct settings *settings)
{
	atomic_fetch_add_explicit(&settings->holders, 1, memory_order_relaxed);
	return settings;
}

void settings_drop(struct settings *settings)
{
	/* The last one must see all that the others did before they let go. */
	if (settings && atomic_fetch_sub_explicit(&settings->holders, 1, memory_order_acq_rel) == 1)
		settings_free(settings);
}

static const struct database *find_entry(const struct settings *settings, const char *name)
{
	return find_by_name(name, settings->databases, settings->database_count,
			    sizeof(*settings->databases));
}

const struct database *settings_find_database(const struct settings *settings, const char *name)
{
	const struct database *database;

	if (settings_is_console(name))
		return NULL;
	database = find_entry(settings, name);
	return database ? database : find_entry(settings, "*");
}

bool database_is_fallback(const struct database *database)
{
	return strcmp(database->name, "*") == 0;
}

bool settings_is_console(const char *name)
{
	return strcmp(name, CONSOLE_NAME) == 0 || strcmp(name, "millpond") == 0;
}

const struct user_settings *settings_find_user(const struct settings *settings, const char *name)
{
	return find_by_name(name, settings->users, settings->user_count, sizeof(*settings->users));
}

const struct peer_entry *settings_find_peer(const struct settings *settings, int id)
{
	for (size_t i = 0; i < settings->peer_count; i++) {
		if (settings->peers[i].id == id)
			return &settings->peers[i];
	}
	return NULL;
}

bool settings_server_tls_is_equal(const struct settings *one, const struct settings *other)
{
	for (int i = 0; i < SETTING_COUNT; i++) {
		if (strncmp(setting_table[i].name, "server_tls", strlen("server_tls")) == 0 &&
		    !field_is_equal(&setting_table[i], one, other))
			return false;
	}
	return true;
}

bool settings_look_users_up(const struct settings *settings)
{
	if (*settings->auth_user)
		return true;
	for (size_t i = 0; i < settings->database_count; i++) {
		if (settings->databases[i].auth_user)
			return true;
	}
	return false;
}

bool settings_choose_server_ciphers(const struct settings *settings)
{
	return tls_ciphers(settings->server_tls_ciphers) || *settings->server_tls13_ciphers;
}

bool settings_list_next(const char **list, const char **word, size_t *length)
{
	*length = 0;
	while (*length == 0 && **list != '\0') {
		size_t item = strcspn(*list, ",");
		size_t before = strspn(*list, " \t"), end = item;

		while (end > before && ((*list)[end - 1] == ' ' || (*list)[end - 1] == '\t'))
			end--;
		*word = *list + before;
		*length = end > before ? end - before : 0;
		*list += item + ((*list)[item] == ',');
	}
	return *length > 0;
}

static bool list_has(const char *list, const char *wanted,
		     int (*compare)(const char *, const char *, size_t))
{
	const char *word;
	size_t length;

	while (settings_list_next(&list, &word, &length))
		if (length == strlen(wanted) && compare(word, wanted, length) == 0)
			return true;
	return false;
}

/* Whether one of the words between blanks is that one. */
static bool item_has(const char *item, size_t length, const char *wanted)
{
	const char *end = item + length;

	while (item < end) {
		size_t word = strcspn(item, ", \t");
		if (word == strlen(wanted) && strncmp(item, wanted, word) == 0)
			return true;
		item += word;
		item += strspn(item, " \t");
	}
	return false;
}

bool settings_list_has(const char *list, const char *word)
{
	const char *item;
	size_t length;

	if (list_has(list, word, strncmp))
		return true;
	while (settings_list_next(&list, &item, &length))
		if (item_has(item, length, word))
			return true;
	return false;
}

bool settings_track(const struct settings *settings, const char *parameter)
{
	return list_has(settings->track_extra_parameters, parameter, strncasecmp);
}

bool settings_row(const struct settings *settings, size_t index, struct setting_row *row)
{
	const struct field *field;

	if (index >= SETTING_COUNT)
		return false;
	field = &setting_table[index];
	row->key = field->name;
	row->reloadable = field->is_reloadable;
	field_print(field, settings, row->value, sizeof(row->value));
	field_print_default(field, row->default_value, sizeof(row->default_value));
	row->has_default = !field->is_nullable;
	row->has_value = !field->is_nullable || *row->value;
	return true;
}
