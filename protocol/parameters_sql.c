/* Parameters: the SQL that brings a server from one set to another. */
#include "protocol/parameters.h"

#include <string.h>
#include <strings.h>

#include "protocol/message.h"

static void write_sql(struct writer *writer, const char *text)
{
	write_bytes(writer, text, strlen(text));
}

static void write_quoted(struct writer *writer, char quote, const char *text)
{
	write_uint8(writer, (unsigned char)quote);
	for (; *text != '\0'; text++) {
		if (*text == quote)
			write_uint8(writer, (unsigned char)*text);
		write_uint8(writer, (unsigned char)*text);
	}
	write_uint8(writer, (unsigned char)quote);
}

/*
 * Whether a text means the same between quotes whatever client_encoding and
 * standard_conforming_strings are: in GBK, say, a backslash can be half of a character.
 */
static bool is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~' || *text == '\\')
			return false;
	return true;
}

static void write_hex(struct writer *writer, const char *text)
{
	static const char digits[] = "0123456789abcdef";
	for (; *text != '\0'; text++) {
		write_uint8(writer, (unsigned char)digits[(unsigned char)*text >> 4]);
		write_uint8(writer, (unsigned char)digits[(unsigned char)*text & 15]);
	}
}

/* Values that are not plain travel as hex digits, with the encoding in which they are meant. */
static void write_value(struct writer *writer, const char *value, const char *encoding)
{
	if (is_plain(value)) {
		write_quoted(writer, '\'', value);
		return;
	}
	write_sql(writer, "pg_catalog.convert_from(pg_catalog.decode('");
	write_hex(writer, value);
	write_sql(writer, "','hex'),");
	write_quoted(writer, '\'', encoding != NULL && is_plain(encoding) ? encoding : "UTF8");
	write_sql(writer, ")");
}

/* Whether its value is a list of names, which SET wants to have one by one (GUC_LIST_QUOTE). */
static bool is_list_of_names(const char *name)
{
	return strcasecmp(name, "search_path") == 0 || strcasecmp(name, "temp_tablespaces") == 0 ||
	       strcasecmp(name, "local_preload_libraries") == 0 ||
	       strcasecmp(name, "session_preload_libraries") == 0;
}

/*
 * SET cannot take an expression, and would read a list such as search_path's as one name;
 * set_config() takes the value as it is reported, but is three times as long.
 */
static void write_set(struct writer *writer, const char *name, const char *value,
		      const char *encoding)
{
	if (is_plain(value) && !is_list_of_names(name)) {
		write_sql(writer, "SET ");
		write_quoted(writer, '"', name);
		write_sql(writer, " TO ");
		write_quoted(writer, '\'', value);
		write_sql(writer, ";");
		return;
	}
	write_sql(writer, "SELECT pg_catalog.set_config(");
	write_quoted(writer, '\'', name);
	write_sql(writer, ",");
	write_value(writer, value, encoding);
	write_sql(writer, ",false);");
}

static bool is_given_as(const struct parameters *set, const char *name, const char *value)
{
	const char *now = parameters_get(set, name);
	return now != NULL && value != NULL && strcmp(now, value) == 0;
}

/* Back to where all clients start. RESET may lead to what the configuration says by now, which is right for what is the
 * server's to decide. */
static void write_reset(struct writer *writer, const struct server_parameters *server,
			const char *name)
{
	const char *start = parameters_get(server->base, name);

	if (start != NULL &&
	    (parameter_is_kept(name) || !is_given_as(server->origin, name, start))) {
		write_set(writer, name, start, parameters_get(server->base, "client_encoding"));
		return;
	}
	write_sql(writer, "RESET ");
	write_quoted(writer, '"', name);
	write_sql(writer, ";");
}

/* Whether it leaves a part of what was there: of "ISO", the order of day and month. */
static bool is_partial(const char *name, const char *value)
{
	return strcasecmp(name, "DateStyle") == 0 && strchr(value, ',') == NULL;
}

/* What a role may set is known to the role that logged in: another one comes last, and goes first. */
static bool is_role(const char *name)
{
	return strcasecmp(name, "role") == 0;
}

static bool may_have_role(const struct server_parameters *server)
{
	const struct parameters *set =
		server->applied != NULL ? server->applied : server->unreported;

	return parameters_get(set, "role") != NULL;
}

/* Undoes what only the former client wished; if that is not known, all that may differ. */
static void write_resets(struct writer *writer, const struct parameters *suspects,
			 const struct parameters *wished, const struct server_parameters *server)
{
	for (size_t i = 0; i < parameters_count(suspects); i++) {
		const char *name = parameters_name(suspects, i);
		const char *start = parameters_get(server->base, name);
		if (parameters_get(wished, name) == NULL && !parameter_is_read_only(name) &&
		    !is_role(name) && !is_given_as(server->reported, name, start))
			write_reset(writer, server, name);
	}
}

/* What the server does not report is as it was set, if that is known. */
static bool is_in_force(const struct server_parameters *server, const char *name,
			const char *value)
{
	bool is_reported = parameters_get(server->reported, name) != NULL;

	return is_reported || server->applied == NULL ?
		       is_given_as(server->reported, name, value) :
		       is_given_as(server->applied, name, value);
}

bool parameters_write_change(struct writer *writer, const struct server_parameters *server,
			     const struct parameters *wished)
{
	size_t start = writer->length;
	const char *encoding = parameters_get(wished, "client_encoding");
	if (encoding == NULL)
		encoding = parameters_get(server->base, "client_encoding");

	message_begin(writer, FRONTEND_QUERY);
	size_t empty = writer->length;
	const char *role = parameters_get(wished, "role");
	bool keeps_role = role != NULL && is_in_force(server, "role", role);
	if (!keeps_role && may_have_role(server))
		write_reset(writer, server, "role");
	if (server->applied != NULL) {
		write_resets(writer, server->applied, wished, server);
	} else {
		write_resets(writer, server->reported, wished, server);
		write_resets(writer, server->unreported, wished, server);
	}
	for (size_t i = 0; i < parameters_count(wished); i++) {
		const char *name = parameters_name(wished, i);
		const char *value = parameters_value(wished, i);
		if (is_role(name) || is_in_force(server, name, value))
			continue;
		if (is_partial(name, value))
			write_reset(writer, server, name);
		write_set(writer, name, value, encoding);
	}
	if (role != NULL && !keeps_role)
		write_set(writer, "role", role, encoding);
	if (writer->length == empty) {
		writer->length = start;
		return false;
	}
	write_uint8(writer, 0);
	message_end(writer);
	return true;
}
