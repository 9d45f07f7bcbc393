#include "conf/describe.h"

#include <string.h>

#include "conf/array.h"
#include "conf/entry.h"
#include "conf/peer_entry.h"
#include "conf/table.h"

/* --- the tables ---------------------------------------------------------------------------- */

/* What the keys of [databases] and [users] do; those that are named like a setting do the same. */
static const struct {
	const char *name, *help;
} key_help[] = {
	{"dbname", "database on the server; if not set, the one that the client asks for"},
	{"host", "name, address or directory of the server, or a list of them; if not set, the "
		 "Unix socket in unix_socket_dir"},
	{"port", "port, or a list as long as that of the hosts; if not set, 5432"},
	{"user", "log in to the server as this user, in one pool for all clients"},
	{"password", "password of that user"},
	{"connect_query", "query to run on each new server connection"},
	{"pool_size", "server connections of each pool; if not set, default_pool_size"},
	{"load_balance_hosts", "which of several hosts is tried first: each in turn, always the "
			       "first that works, or any"},
};

static const char *help_of(const struct field *field)
{
	int setting = setting_index(field->name);

	if (field->help)
		return field->help;
	for (size_t i = 0; i < ARRAY_SIZE(key_help); i++) {
		if (strcmp(key_help[i].name, field->name) == 0)
			return key_help[i].help;
	}
	return setting >= 0 ? setting_table[setting].help : "";
}

static const char *kind_of(const struct field *field)
{
	switch (field->kind) {
	case FIELD_COUNT:
		return "number";
	case FIELD_OCTAL:
		return "octal";
	case FIELD_FLAG:
		return "flag";
	case FIELD_DURATION:
		return "time";
	case FIELD_CHOICE:
		return "choice";
	default:
		return "text";
	}
}

static void print_allowed(const struct field *field, FILE *stream)
{
	const char *between = "";

	if (field->kind == FIELD_COUNT)
		fprintf(stream, "%d to %d", field->min, field->max);
	else if (field->kind == FIELD_OCTAL)
		fprintf(stream, "%#o to %#o", (unsigned)field->min, (unsigned)field->max);
	else if (field->kind == FIELD_FLAG)
		fputs("0, 1", stream);
	for (const struct choice *choice = field->choices; choice && choice->name; choice++) {
		fprintf(stream, "%s%s", between, choice->name);
		between = ", ";
	}
}

static void describe(const char *section, const struct field *field, const char *reload,
		     FILE *stream)
{
	char value[1024] = "";

	if (strcmp(reload, "-") != 0)
		field_print_default(field, value, sizeof(value));
	fprintf(stream, "%s\t%s\t%s\t%s\t", section, field->name, kind_of(field), value);
	print_allowed(field, stream);
	fprintf(stream, "\t%s\t%s\t%s\n", reload, field->is_inert ? "inert" : "-", help_of(field));
}

void settings_describe(FILE *stream)
{
	const struct field *key;

	for (int i = 0; i < SETTING_COUNT; i++)
		describe("millpond", &setting_table[i],
			 setting_table[i].is_reloadable ? "reload" : "restart", stream);
	for (size_t i = 0; (key = database_key_at(i)); i++)
		describe("databases", key, "-", stream);
	for (size_t i = 0; (key = user_key_at(i)); i++)
		describe("users", key, "-", stream);
	for (size_t i = 0; (key = peer_key_at(i)); i++)
		describe("peers", key, "-", stream);
}
