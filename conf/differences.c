#include "conf/differences.h"

#include <string.h>

#include "conf/array.h"
#include "conf/loader.h"
#include "conf/table.h"

static bool is_pgbouncers(const struct settings *settings)
{
	for (size_t i = 0; i < settings->pair_count; i++) {
		if (strcmp(settings->pairs[i].section, "pgbouncer") == 0)
			return true;
	}
	return false;
}

/* --- what a file has in it ---------------------------------------------------------------- */

static bool has_admins(const struct settings *settings)
{
	return *settings->admin_users;
}

static bool uses_method(const struct settings *settings, enum auth_method method)
{
	for (size_t i = 0; i < settings->hba.rule_count; i++) {
		if (settings->hba.rules[i].method == method)
			return true;
	}
	return settings->auth_type == method;
}

static bool trusts_everybody(const struct settings *settings)
{
	return uses_method(settings, AUTH_TRUST) && !*settings->auth_file &&
	       !settings_look_users_up(settings);
}

static bool uses_pam(const struct settings *settings)
{
	return uses_method(settings, AUTH_PAM);
}

static bool uses_ldap(const struct settings *settings)
{
	return uses_method(settings, AUTH_LDAP);
}

/* Whether transactions of one client may run on several servers. */
static bool shares_servers(const struct settings *settings)
{
	bool shares = settings->pool_mode > POOL_SESSION;

	for (size_t i = 0; i < settings->database_count; i++)
		shares |= settings->databases[i].pool_mode > POOL_SESSION;
	for (size_t i = 0; i < settings->user_count; i++)
		shares |= settings->users[i].pool_mode > POOL_SESSION;
	return shares;
}

static bool pins_clients(const struct settings *settings)
{
	return shares_servers(settings) && settings->pin_clients && !settings->server_reset_query_always;
}

static bool ends_listen(const struct settings *settings)
{
	return shares_servers(settings) && !pins_clients(settings);
}

static bool follows_statements(const struct settings *settings)
{
	return shares_servers(settings) && settings->max_prepared_statements > 0;
}

static bool follows_sets(const struct settings *settings)
{
	return shares_servers(settings) && settings->track_session_parameters;
}

static bool reads_files(const struct settings *settings)
{
	return *settings->auth_file || *settings->auth_hba_file;
}

/* A list has a comma in it. */
static bool has_lists_of_hosts(const struct settings *settings)
{
	bool has = false;

	for (size_t i = 0; i < settings->database_count; i++)
		has |= settings->databases[i].host && strchr(settings->databases[i].host, ',');
	return has;
}

static bool tracks_more(const struct settings *settings)
{
	return settings_pair(settings, "track_extra_parameters") != NULL;
}

static bool logs_to_syslog(const struct settings *settings)
{
	return settings->syslog && !settings_pair(settings, "syslog_ident");
}

static bool has_no_login_retry(const struct settings *settings)
{
	return !settings->server_login_retry_is_set;
}

static bool has_no_backlog(const struct settings *settings)
{
	return !settings_pair(settings, "listen_backlog");
}

static bool has_no_workers(const struct settings *settings)
{
	return !settings_pair(settings, "workers");
}

/* A list of ciphers does not hold for TLS 1.3, whose suites are named by another setting. */
static bool leaves_client_suites(const struct settings *settings)
{
	return settings->client_tls_sslmode != TLS_DISABLE &&
	       tls_ciphers(settings->client_tls_ciphers) && !*settings->client_tls13_ciphers;
}

static bool leaves_server_suites(const struct settings *settings)
{
	return tls_ciphers(settings->server_tls_ciphers) && !*settings->server_tls13_ciphers;
}

/* --- what is different -------------------------------------------------------------------- */

static const struct difference {
	bool (*concerns)(const struct settings *settings); /* NULL: every file */
	const char *text;
} differences[] = {
	{NULL, "a faulty file changes nothing at a reload; there, some of its values are taken"},
	{NULL, "what a reload cannot take is told: in the log, by RELOAD and by SHOW CONFIG"},
	{NULL, "a reload puts back all that SET has changed or the file no longer has, also what has "
	       "no default"},
	{NULL, "errors have the SQLSTATE that PostgreSQL uses in the case, not always 08P01, with a "
	       "detail and a hint"},
	{NULL, "-R is refused: instead of it there are SIGHUP, sockets of systemd and so_reuseport"},
	{reads_files, "auth_file, auth_hba_file: if one is missing or faulty, it does not start"},
	{has_lists_of_hosts, "host: when one of a list fails, the next one is tried at once, not "
			     "after server_login_retry"},
	{has_no_login_retry, "server_login_retry is not set: after a failed login delays grow from "
			     "0.1 s up to 15 s, instead of 15 s each"},
	{has_no_backlog, "listen_backlog is not set: 4096 connections may wait, instead of 128"},
	{has_no_workers, "workers is not set: there is a thread for each processor, instead of one"},
	{logs_to_syslog, "syslog_ident is not set: \"millpond\", instead of \"pgbouncer\""},
	{has_admins, "admin_users: SHOW FDS tells of sockets, but passes neither them nor passwords"},
	{settings_look_users_up, "auth_query runs on server connections of its own, which no client is given"},
	{trusts_everybody, "trust: with neither auth_file nor auth_user everybody can log in, also as one "
			   "of admin_users, instead of nobody"},
	{uses_pam, "pam: four logins are checked at a time, instead of one"},
	{uses_ldap, "ldap: names are escaped in filters and DNs, referrals are not followed, and a "
		    "filter without $username is refused"},
	{ends_listen, "pool_mode: a LISTEN ends with its transaction"},
	{pins_clients, "pin_clients: in transaction and statement mode a client with advisory locks, temporary "
		       "tables, cursors WITH HOLD or a LISTEN keeps its server until none of it is left"},
	{shares_servers, "pool_mode: a server whose user a client has changed is closed"},
	{follows_statements, "max_prepared_statements: on servers they are called MILLPOND_<number>, "
			     "not PGBOUNCER_<number>; those of SQL's PREPARE follow their clients too"},
	{follows_statements, "max_prepared_statements: one that is not there is an error (26000), and "
			     "the connection goes on"},
	{tracks_more, "track_extra_parameters: what the server does not report is set as well, as the "
		      "client gave it when it connected"},
	{follows_sets, "track_session_parameters: what a client SETs follows it, also what no server "
		       "reports, instead of staying behind on the server"},
	{leaves_client_suites, "client_tls_ciphers holds up to TLS 1.2; client_tls13_ciphers is not "
			       "set, so that in TLS 1.3 clients may use all of OpenSSL's suites"},
	{leaves_server_suites, "server_tls_ciphers holds up to TLS 1.2; server_tls13_ciphers is not "
			       "set, so that in TLS 1.3 servers may use all of OpenSSL's suites"},
};

void settings_describe_differences(const struct settings *settings, FILE *stream)
{
	if (!is_pgbouncers(settings))
		return;
	fputs("What is different from PgBouncer:\n", stream);
	for (size_t i = 0; i < ARRAY_SIZE(differences); i++) {
		if (!differences[i].concerns || differences[i].concerns(settings))
			fprintf(stream, "  %s\n", differences[i].text);
	}
	for (int i = 0; i < SETTING_COUNT; i++) {
		const struct field *field = &setting_table[i];

		if (field->is_inert && settings_pair(settings, field->name))
			fprintf(stream, "  %s has no effect: %s\n", field->name, field->help);
	}
}
