#include "conf/check.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/loader.h"
#include "conf/memory.h"
#include "conf/suggest.h"

/* `database` is the entry that it is about, and `pair` its line or that of a setting; or NULL. */
static void add(struct fault_list *list, const struct settings *settings, const struct pair *pair,
		const struct database *database, const char *format, va_list arguments)
{
	const char *file = pair ? pair->file : settings->path;
	int line = pair ? pair->line : 0;
	char text[1024];

	vsnprintf(text, sizeof(text), format, arguments);
	if (database)
		fault_add(list, file, line, "database \"%s\": %s", database->name, text);
	else
		fault_add(list, file, line, "%s", text);
}

void setting_fault(struct fault_list *list, const struct settings *settings, const char *name,
		   const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(list, settings, settings_pair(settings, name), NULL, format, arguments);
	va_end(arguments);
}

void database_fault(struct fault_list *list, const struct settings *settings,
		    const struct database *database, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(list, settings, settings_database_pair(settings, database), database, format,
	    arguments);
	va_end(arguments);
}

#define FAULT(name, ...) setting_fault(faults, settings, name, __VA_ARGS__)
#define NOTE(name, ...) setting_fault(&settings->notes, settings, name, __VA_ARGS__)
#define NOTE_ENTRY(database, ...) database_fault(&settings->notes, settings, database, __VA_ARGS__)

/* --- what cannot be ----------------------------------------------------------------------- */

static void check_versions(const struct settings *settings, struct fault_list *faults,
			   const char *name, const char *value, bool needs_range)
{
	struct suggestion suggestion;
	const char *lowest, *highest;
	char wrong[64];
	unsigned versions = tls_versions_parse(value, wrong, sizeof(wrong));

	suggestion_init(&suggestion, wrong + (wrong[0] == '!'));
	for (size_t i = 0; tls_version_word(i); i++)
		suggestion_offer(&suggestion, tls_version_word(i));
	if (!versions)
		FAULT(name, "%s: \"%.80s\" is no version of TLS%s%s", name, *wrong ? wrong : value,
		      *wrong ? ", such as \"tlsv1.3\", nor \"secure\" or \"all\"" : "",
		      *wrong ? suggestion_text(&suggestion) : "");
	else if (needs_range && !tls_versions_range(versions, &lowest, &highest))
		FAULT(name, "%s: libpq cannot leave out a version between two others", name);
}

static void check_readable(const struct settings *settings, struct fault_list *faults,
			   const char *name, const char *path)
{
	if (*path && access(path, R_OK) != 0)
		FAULT(name, "%s: cannot read \"%s\": %s", name, path, strerror(errno));
}

/* All that libpq would otherwise find out only when it connects. */
static void check_tls(const struct settings *settings, struct fault_list *faults)
{
	check_versions(settings, faults, "client_tls_protocols", settings->client_tls_protocols,
		       false);
	check_versions(settings, faults, "server_tls_protocols", settings->server_tls_protocols,
		       true);
	check_readable(settings, faults, "server_tls_ca_file", settings->server_tls_ca_file);
	check_readable(settings, faults, "server_tls_cert_file", settings->server_tls_cert_file);
	check_readable(settings, faults, "server_tls_crl_file", settings->server_tls_crl_file);
	check_readable(settings, faults, "server_tls_key_file", settings->server_tls_key_file);
}

void settings_check(const struct settings *settings, struct fault_list *faults)
{
	if (settings_is_console(settings->auth_dbname))
		FAULT("auth_dbname", "auth_dbname: \"%s\" is reserved for the console",
		      settings->auth_dbname);
	if (settings->stats_period_us == 0)
		FAULT("stats_period", "stats_period: must be more than 0");
	check_tls(settings, faults);
	if (settings->auth_type == AUTH_HBA && !*settings->auth_hba_file)
		FAULT("auth_type", "auth_type: \"hba\" needs auth_hba_file, or nobody could log in");
	if (settings->auth_type == AUTH_LDAP && !*settings->auth_ldap_options)
		FAULT("auth_type",
		      "auth_type: \"ldap\" needs auth_ldap_options, or nobody could log in");
	if (settings->auth_type == AUTH_CERT && settings->client_tls_sslmode == TLS_DISABLE)
		FAULT("auth_type",
		      "auth_type: \"cert\" needs client_tls_sslmode, or nobody could log in");
}

/* --- what is odd -------------------------------------------------------------------------- */

static void note_logins(struct settings *settings)
{
	if ((settings->auth_type == AUTH_PLAIN || settings->auth_type == AUTH_MD5 ||
	     settings->auth_type == AUTH_SCRAM) &&
	    !*settings->auth_file && !settings_look_users_up(settings))
		NOTE("auth_type",
		     "with neither auth_file nor auth_user no user is known, so nobody can log in");
	if (*settings->auth_hba_file && settings->auth_type != AUTH_HBA)
		NOTE("auth_hba_file", "auth_hba_file has no effect: auth_type is not hba");
	if (*settings->auth_ldap_options && settings->auth_type != AUTH_LDAP)
		NOTE("auth_ldap_options", "auth_ldap_options has no effect: auth_type is not ldap");
}

/* With auth_type any the database says who a client is. */
static void note_nobodies(struct settings *settings)
{
	for (size_t i = 0; settings->auth_type == AUTH_ANY && i < settings->database_count; i++)
		if (settings->databases[i].user == NULL)
			NOTE("auth_type",
			     "auth_type any needs a user= in each database: without one nobody can log in "
			     "to \"%.80s\"",
			     settings->databases[i].name);
}

static bool has_map(const struct hba *hba, const char *map)
{
	for (size_t i = 0; i < hba->ident_count; i++)
		if (strcmp(hba->idents[i].map, map) == 0)
			return true;
	return false;
}

/* Lines that let nobody in, though they were not written for that. */
static void note_rules(struct settings *settings)
{
	const struct hba *hba = &settings->hba;

	if (settings->auth_type == AUTH_HBA && hba->rule_count == 0)
		NOTE("auth_hba_file", "auth_hba_file has no line, so nobody can log in");
	for (size_t i = 0; i < hba->rule_count; i++) {
		const struct hba_rule *rule = &hba->rules[i];
		const char *map = hba_option(rule, "map");
		if (rule->type == HBA_HOSTSSL && rule->method != AUTH_REJECT &&
		    settings->client_tls_sslmode == TLS_DISABLE)
			fault_add(&settings->notes, rule->file, rule->line,
				  "this line lets nobody in, since client_tls_sslmode is disable");
		else if (map && *map && !has_map(hba, map))
			fault_add(&settings->notes, rule->file, rule->line,
				  "this line lets nobody in: auth_ident_file has no map \"%.80s\"",
				  map);
	}
}

static bool asks_for_nobody(const char *query)
{
	return query && !strstr(query, "$1");
}

static void note_queries(struct settings *settings)
{
	static const char words[] = "auth_query has no $1, where the name of the user would stand";

	if (asks_for_nobody(settings->auth_query))
		NOTE("auth_query", words);
	if (*settings->auth_dbname && !settings_find_database(settings, settings->auth_dbname))
		NOTE("auth_dbname", "auth_dbname: [databases] has no \"%.80s\"",
		     settings->auth_dbname);
	for (size_t i = 0; i < settings->database_count; i++) {
		const struct database *database = &settings->databases[i];
		const char *name = database->auth_dbname;
		if (asks_for_nobody(database->auth_query))
			NOTE_ENTRY(database, words);
		if (name && !settings_find_database(settings, name))
			NOTE_ENTRY(database, "auth_dbname: [databases] has no \"%.80s\"", name);
	}
}

/* Neither a name nor an address of version 4 has a colon in it, one of version 6 has two. */
static bool has_port(const char *host, size_t length)
{
	const char *colon = memchr(host, ':', length);

	return *host != '/' && *host != '@' && colon &&
	       !memchr(colon + 1, ':', length - (size_t)(colon + 1 - host));
}

static void note_hosts(struct settings *settings)
{
	for (size_t i = 0; i < settings->database_count; i++) {
		const struct database *database = &settings->databases[i];
		const char *list = database->host ? database->host : "", *host;
		size_t length;
		while (settings_list_next(&list, &host, &length))
			if (has_port(host, length))
				NOTE_ENTRY(database,
					   "host: \"%.*s\" is no address: a port is given as port=",
					   (int)length, host);
	}
}

static void note_sizes(struct settings *settings)
{
	if (settings->max_client_conn == 0)
		NOTE("max_client_conn",
		     "max_client_conn is 0: nobody will be let in but to the console");
	if (settings->default_pool_size == 0)
		NOTE("default_pool_size", "default_pool_size is 0: no query will be served where "
					  "pool_size is not set");
	else if (settings->min_pool_size > settings->default_pool_size)
		NOTE("min_pool_size",
		     "min_pool_size is %d, but pools will not grow beyond default_pool_size, %d",
		     settings->min_pool_size, settings->default_pool_size);
	if (settings->reserve_pool_size > 0 && settings->reserve_pool_timeout_us == 0)
		NOTE("reserve_pool_timeout",
		     "reserve_pool_timeout is 0, so the reserve will never be used");
}

/* Whoever chooses ciphers has to know where that does not reach. */
static void note_ciphers(struct settings *settings)
{
	const char *name = *settings->server_tls13_ciphers ? "server_tls13_ciphers" :
							     "server_tls_ciphers";

	for (size_t i = 0; i < settings->database_count; i++) {
		const struct database *database = &settings->databases[i];
		const char *keyword = database_needs_libpq(database);

		if (keyword && settings_choose_server_ciphers(settings))
			NOTE(name,
			     "%s does not hold for database \"%.80s\", since %s needs libpq, which "
			     "takes no ciphers: what OpenSSL's own configuration allows counts there",
			     name, database->name, keyword);
	}
}

void settings_note_oddities(struct settings *settings)
{
	note_logins(settings);
	note_nobodies(settings);
	note_rules(settings);
	note_queries(settings);
	note_hosts(settings);
	note_sizes(settings);
	note_ciphers(settings);
	if (!*settings->listen_addr && !*settings->unix_socket_dir)
		NOTE("listen_addr", "neither listen_addr nor unix_socket_dir is set: only sockets "
				    "that are passed at the start will be listened on");
	if (settings->database_count == 0)
		fault_add(&settings->notes, settings->path, 0,
			  "[databases] is empty: only the console can be reached");
}

/* --- what is not on this machine ---------------------------------------------------------- */

static void note_names(struct settings *settings)
{
	const char *group = settings->unix_socket_group;

	if (*settings->user && !getpwnam(settings->user))
		NOTE("user", "user: here the start would fail, since there is no user \"%.80s\"",
		     settings->user);
	if (*group && *settings->unix_socket_dir && *settings->unix_socket_dir != '@' && !getgrnam(group))
		NOTE("unix_socket_group",
		     "unix_socket_group: here the start would fail, since there is no group \"%.80s\"",
		     group);
}

static void note_addresses(struct settings *settings)
{
	static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	char *list = text_copy(settings->listen_addr);
	char *rest = list;

	for (char *host; (host = strtok_r(rest, ", \t", &rest)) != NULL;) {
		struct addrinfo *found = NULL;
		int failure = strcmp(host, "*") == 0 ? 0 : getaddrinfo(host, NULL, &hints, &found);

		if (failure != 0)
			NOTE("listen_addr",
			     "listen_addr: here the start would fail, since \"%.80s\" has no address: %s",
			     host, gai_strerror(failure));
		if (found)
			freeaddrinfo(found);
	}
	free(list);
}

/* Who may write to it is up to the user that it is started as. */
static void note_folder(struct settings *settings, const char *name, const char *path,
			const char *consequence)
{
	struct stat status;

	if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
		NOTE(name, "%s: here the start would %s, since there is no folder \"%.200s\"", name,
		     consequence, path);
}

static void note_folder_of(struct settings *settings, const char *name, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return;
	char *folder = text_copy_part(path, (size_t)(slash - path));
	note_folder(settings, name, folder, "fail");
	free(folder);
}

void settings_note_start(struct settings *settings)
{
	note_names(settings);
	note_addresses(settings);
	if (*settings->resolv_conf && access(settings->resolv_conf, R_OK) != 0)
		NOTE("resolv_conf",
		     "resolv_conf: here the start would ask 127.0.0.1 for names, since \"%.200s\" "
		     "cannot be read: %s",
		     settings->resolv_conf, strerror(errno));
	note_folder_of(settings, "logfile", settings->logfile);
	note_folder_of(settings, "pidfile", settings->pidfile);
	if (*settings->unix_socket_dir && *settings->unix_socket_dir != '@')
		note_folder(settings, "unix_socket_dir", settings->unix_socket_dir,
			    "do without the Unix socket");
}
