#include "conf/entry.h"

#include <stdlib.h>
#include <string.h>

#include "conf/array.h"
#include "conf/connstring.h"
#include "conf/entry_parser.h"
#include "conf/field.h"
#include "conf/hosts.h"
#include "conf/keyword.h"
#include "conf/memory.h"
#include "conf/service.h"
#include "conf/suggest.h"

#define TEXT_KEY(type, key)                                                            \
	{                                                                              \
		.name = #key, .kind = FIELD_TEXT, .offset = offsetof(struct type, key) \
	}
#define COUNT_UP_TO(most, type, key)                                                     \
	{                                                                                \
		.name = #key, .kind = FIELD_COUNT, .offset = offsetof(struct type, key), \
		.default_value = SETTING_UNSET, .max = (most), .is_decimal = true,       \
		.clamped_up_to = UINT32_MAX                                              \
	}
#define SERVERS_KEY(type, key) COUNT_UP_TO(1000000, type, key)
#define CLIENTS_KEY(type, key) COUNT_UP_TO(100000000, type, key)
#define DURATION_KEY(type, key)                                                                  \
	{                                                                                        \
		.name = #key, .kind = FIELD_DURATION, .offset = offsetof(struct type, key##_us), \
		.default_value = SETTING_UNSET                                                   \
	}
#define POOL_MODE_KEY(type)                                                                   \
	{                                                                                     \
		.name = "pool_mode", .kind = FIELD_CHOICE,                                    \
		.offset = offsetof(struct type, pool_mode), .default_value = POOL_MODE_UNSET, \
		.choices = choices_pool_mode                                                  \
	}

static const struct field database_keys[] = {
	TEXT_KEY(database, dbname),
	TEXT_KEY(database, host),
	TEXT_KEY(database, port),
	TEXT_KEY(database, user),
	{.name = "password",
	 .kind = FIELD_TEXT,
	 .offset = offsetof(struct database, password),
	 .is_secret = true},
	TEXT_KEY(database, auth_user),
	TEXT_KEY(database, auth_query),
	TEXT_KEY(database, auth_dbname),
	TEXT_KEY(database, connect_query),
	SERVERS_KEY(database, pool_size),
	SERVERS_KEY(database, min_pool_size),
	SERVERS_KEY(database, reserve_pool_size),
	SERVERS_KEY(database, max_db_connections),
	CLIENTS_KEY(database, max_db_client_connections),
	DURATION_KEY(database, server_lifetime),
	DURATION_KEY(database, query_wait_timeout),
	POOL_MODE_KEY(database),
	{.name = "load_balance_hosts",
	 .kind = FIELD_CHOICE,
	 .offset = offsetof(struct database, load_balance_hosts),
	 .default_value = BALANCE_ROUND_ROBIN,
	 .choices = choices_load_balance},
};

static const struct field user_keys[] = {
	POOL_MODE_KEY(user_settings),
	SERVERS_KEY(user_settings, pool_size),
	SERVERS_KEY(user_settings, reserve_pool_size),
	SERVERS_KEY(user_settings, max_user_connections),
	CLIENTS_KEY(user_settings, max_user_client_connections),
	DURATION_KEY(user_settings, query_timeout),
	DURATION_KEY(user_settings, query_wait_timeout),
	DURATION_KEY(user_settings, transaction_timeout),
	DURATION_KEY(user_settings, idle_transaction_timeout),
	DURATION_KEY(user_settings, client_idle_timeout),
};

const struct field *database_key_at(size_t index)
{
	return index < ARRAY_SIZE(database_keys) ? &database_keys[index] : NULL;
}

const struct field *user_key_at(size_t index)
{
	return index < ARRAY_SIZE(user_keys) ? &user_keys[index] : NULL;
}

/* --- [databases] --- */

/* Server parameters become one text for libpq's `options`. */
static void append_option(char **options, const char *addition)
{
	char *text = text_format("%s%s%s", *options ? *options : "", *options ? " " : "", addition);

	free(*options);
	*options = text;
}

/* `-c name=value`, with a backslash before what would end it, as the server reads it. */
static void append_parameter(char **options, const char *name, const char *value)
{
	char *escaped = memory_zeroed(2 * strlen(value) + 1), *to = escaped, *option;

	for (const char *from = value; *from; from++) {
		if (strchr(" \t\n\r\f\v\\", *from))
			*to++ = '\\';
		*to++ = *from;
	}
	option = text_format("-c %s=%s", name, escaped);
	append_option(options, option);
	free(option);
	free(escaped);
}

static size_t keyword_count(char *const *keywords)
{
	size_t count = 0;

	while (keywords && keywords[count])
		count++;
	return count;
}

/* Adds the pair, or replaces the value of an earlier one: the last counts. */
static void set_keyword(struct database *database, const char *key, const char *value)
{
	size_t count = keyword_count(database->libpq_keywords);

	for (size_t i = 0; i < count; i += 2) {
		if (strcmp(database->libpq_keywords[i], key) == 0) {
			text_wipe(database->libpq_keywords[i + 1]);
			database->libpq_keywords[i + 1] = text_copy(value);
			return;
		}
	}
	for (size_t i = 0; i < 3; i++)
		database->libpq_keywords =
			memory_grow(database->libpq_keywords, count + i, sizeof(char *));
	database->libpq_keywords[count] = text_copy(key);
	database->libpq_keywords[count + 1] = text_copy(value);
	database->libpq_keywords[count + 2] = NULL;
}

/* Says which values there are, and which was probably meant. */
static void refuse_keyword_value(const struct entry_parser *parser, const struct keyword *keyword,
				 const char *value)
{
	struct suggestion suggestion;
	char possible[200];

	suggestion_init(&suggestion, value);
	for (const char *const *word = keyword->values; *word; word++)
		suggestion_offer(&suggestion, *word);
	keyword_describe(keyword, possible, sizeof(possible));
	ENTRY_FAULT(parser, "%s: \"%.80s\" is not %s%s", keyword->name, value, possible,
		    suggestion_text(&suggestion));
}

static void parse_keyword(const struct entry_parser *parser, const struct keyword *keyword,
			  const char *value)
{
	bool is_possible = keyword_can_be(keyword, value);

	if (keyword->refusal && !is_possible)
		ENTRY_FAULT(parser, "\"%s\" cannot be set: %s", keyword->name, keyword->refusal);
	else if (!is_possible)
		refuse_keyword_value(parser, keyword, value);
	else if (!keyword->refusal)
		set_keyword(parser->base, keyword->name, value);
}

/* A pair of a database, and where its server parameters go. */
static void parse_database_pair(const struct entry_parser *parser, char **options, const char *key,
				const char *value)
{
	const struct keyword *keyword = keyword_find(key);

	if (strcmp(key, "reserve_pool") == 0)
		key = "reserve_pool_size"; /* its name in old files */
	if (entry_parse_field(parser, key, value) || strcmp(key, "service") == 0)
		return;
	if (strcmp(key, "datestyle") == 0 || strcmp(key, "timezone") == 0)
		append_parameter(options, key, value);
	else if (strcmp(key, "options") == 0)
		append_option(options, value);
	else if (keyword)
		parse_keyword(parser, keyword, value);
	else
		entry_refuse_key(parser, key);
}

/* What a service of libpq says counts as if it stood in front of the entry's own. */
struct service {
	const struct entry_parser *entry;
	char **options;
};

static bool is_libpqs(const char *key)
{
	static const char *const ours_too[] = {"host", "port", "dbname", "user", "password",
					       "load_balance_hosts"};

	for (size_t i = 0; i < ARRAY_SIZE(ours_too); i++) {
		if (strcmp(ours_too[i], key) == 0)
			return true;
	}
	return keyword_find(key);
}

static void parse_service_pair(void *context, const struct ini_entry *pair)
{
	const struct service *service = context;
	const struct keyword *keyword = keyword_find(pair->key);
	struct ini_entry here = {
		.file = pair->file, .line = pair->line, .key = service->entry->entry->key};
	struct entry_parser parser = *service->entry;

	parser.entry = &here;
	if (keyword && keyword->refusal)
		parser.faults = parser.notes; /* it is there for others */
	if (!is_libpqs(pair->key))
		ENTRY_FAULT(&parser, "\"%.80s\" is no keyword of libpq", pair->key);
	else if (strcmp(pair->key, "service") == 0)
		ENTRY_FAULT(&parser, "%s", "a service cannot be made of another");
	else if (*pair->value || (keyword && keyword->values)) /* an empty one is the default */
		parse_database_pair(&parser, service->options, pair->key, pair->value);
}

static void parse_service(const struct entry_parser *parser, char **options)
{
	struct service service = {.entry = parser, .options = options};
	struct connstring cursor;
	char *name = NULL;

	connstring_init(&cursor, parser->entry->value);
	while (connstring_next(&cursor)) {
		if (strcmp(cursor.key, "service") != 0)
			continue;
		free(name);
		name = text_copy(cursor.value);
	}
	connstring_release(&cursor);
	if (name && *name && !service_read(name, parse_service_pair, &service, parser->faults))
		ENTRY_FAULT(parser, "definition of service \"%.80s\" not found", name);
	free(name);
}

/* An empty text is no host, no user, ... */
static void drop_empty(char **text)
{
	if (*text && !**text) {
		free(*text);
		*text = NULL;
	}
}

static void check_database(const struct entry_parser *parser, const struct database *database)
{
	const char *hostaddr = database_keyword(database, "hostaddr");
	const char *sslmode = database_keyword(database, "sslmode");
	char why[FIELD_WHY_BYTES];

	if (settings_is_console(database->name))
		ENTRY_FAULT(parser, "%s", "this name is reserved for the console");
	if (!hosts_check(database->host, hostaddr, database->port, why, sizeof(why)))
		ENTRY_FAULT(parser, "%s", why);
	if (database_trusts_system(database) && sslmode && strcmp(sslmode, "verify-full") != 0)
		ENTRY_FAULT(parser, "weak sslmode \"%s\" may not be used with sslrootcert=system "
				    "(use \"verify-full\")", sslmode);
	if (database->password && !database->user)
		ENTRY_NOTE(parser, "%s", "password has no use without user");
	if (database->pool_size == 0)
		ENTRY_NOTE(parser, "%s", "with pool_size=0 no query will ever be served");
}

void database_parse(struct database *database, const struct ini_entry *entry,
		    struct fault_list *faults, struct fault_list *notes)
{
	struct entry_parser parser = {
		.entry = entry,
		.faults = faults,
		.notes = notes,
		.what = "database",
		.fields = database_keys,
		.field_count = ARRAY_SIZE(database_keys),
		.takes_keywords = true,
		.base = database,
	};
	char *options = NULL;
	struct connstring cursor;

	database->name = text_copy(entry->key);
	fields_set_default(database_keys, ARRAY_SIZE(database_keys), database);
	parse_service(&parser, &options);
	connstring_init(&cursor, entry->value);
	while (connstring_next(&cursor))
		parse_database_pair(&parser, &options, cursor.key, cursor.value);
	entry_check_syntax(&parser, &cursor);
	connstring_release(&cursor);
	if (options)
		set_keyword(database, "options", options);
	free(options);

	drop_empty(&database->dbname);
	drop_empty(&database->host);
	drop_empty(&database->user);
	drop_empty(&database->auth_user);
	drop_empty(&database->auth_query);
	drop_empty(&database->auth_dbname);
	drop_empty(&database->connect_query);
	check_database(&parser, database);
}

static bool are_keywords_equal(char *const *one, char *const *other)
{
	size_t count = keyword_count(one);

	if (count != keyword_count(other))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(one[i], other[i]) != 0)
			return false;
	}
	return true;
}

const char *database_port(const struct database *database)
{
	return database != NULL && database->port != NULL ? database->port : "5432";
}

const char *database_keyword(const struct database *database, const char *name)
{
	for (char **keyword = database->libpq_keywords; keyword && *keyword; keyword += 2) {
		if (strcmp(keyword[0], name) == 0)
			return keyword[1];
	}
	return NULL;
}

bool database_trusts_system(const struct database *database)
{
	return text_is_same(database_keyword(database, "sslrootcert"), "system");
}

const char *database_needs_libpq(const struct database *database)
{
	for (char **keyword = database->libpq_keywords; keyword && *keyword; keyword += 2) {
		if (keyword_needs_libpq(keyword[0], keyword[1]))
			return keyword[0];
	}
	return NULL;
}

bool database_leads_to_same(const struct database *old, const struct database *new)
{
	return old != NULL && new != NULL && text_is_same(old->host, new->host) &&
	       text_is_same(old->port, new->port) && text_is_same(old->dbname, new->dbname) &&
	       text_is_same(old->user, new->user) &&
	       old->load_balance_hosts == new->load_balance_hosts &&
	       text_is_same(old->connect_query, new->connect_query) &&
	       are_keywords_equal(old->libpq_keywords, new->libpq_keywords);
}

bool database_is_equal(const struct database *one, const struct database *other)
{
	return fields_are_equal(database_keys, ARRAY_SIZE(database_keys), one, other) &&
	       are_keywords_equal(one->libpq_keywords, other->libpq_keywords);
}

void database_release(struct database *database)
{
	fields_release(database_keys, ARRAY_SIZE(database_keys), database);
	for (size_t i = 0; database->libpq_keywords && database->libpq_keywords[i]; i++)
		text_wipe(database->libpq_keywords[i]);
	free(database->libpq_keywords);
	free(database->name);
	*database = (struct database){0};
}

/* --- [users] --- */

void user_settings_parse(struct user_settings *user, const struct ini_entry *entry,
			 struct fault_list *faults, struct fault_list *notes)
{
	struct entry_parser parser = {
		.entry = entry,
		.faults = faults,
		.notes = notes,
		.what = "user",
		.fields = user_keys,
		.field_count = ARRAY_SIZE(user_keys),
		.base = user,
	};

	user->name = text_copy(entry->key);
	entry_parse_fields(&parser);
}

bool user_settings_is_equal(const struct user_settings *one, const struct user_settings *other)
{
	return fields_are_equal(user_keys, ARRAY_SIZE(user_keys), one, other);
}

void user_settings_release(struct user_settings *user)
{
	free(user->name);
	*user = (struct user_settings){0};
}
