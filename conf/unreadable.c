#include "conf/unreadable.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/array.h"
#include "conf/check.h"
#include "conf/loader.h"
#include "conf/source.h"

static int become_and_try(const struct passwd *user, const char *path)
{
	bool reads = initgroups(user->pw_name, user->pw_gid) == 0 && setgid(user->pw_gid) == 0 &&
		     setuid(user->pw_uid) == 0 && access(path, R_OK) == 0;

	return reads ? 0 : errno;
}

/*
 * What keeps the user from reading, an errno, or 0. The kernel says it to a child that has become the user: it alone
 * knows all groups, folders and lists that count.
 */
static int obstacle(const struct passwd *user, const char *path)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(become_and_try(user, path));
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 0;
	return WEXITSTATUS(status);
}

static void note_file(struct settings *settings, const struct passwd *user, const char *name,
		      const char *file)
{
	char *path = source_find(file, settings->path);
	int error = *file ? obstacle(user, path) : 0;

	if (error)
		setting_fault(&settings->notes, settings, name,
			      "%s: a reload as user \"%s\" could not read \"%.200s\": %s", name,
			      user->pw_name, path, strerror(error));
	free(path);
}

/* What the file includes, each once as long as its lines stand together. */
static void note_included(struct settings *settings, const struct passwd *user)
{
	for (size_t i = 1; i < settings->pair_count; i++) {
		const char *file = settings->pairs[i].file;

		if (strcmp(file, settings->pairs[i - 1].file) == 0 ||
		    strcmp(file, settings->pairs[0].file) == 0)
			continue;
		int error = obstacle(user, file);
		if (error)
			fault_add(&settings->notes, file, 0,
				  "a reload as user \"%s\" could not read this file: %s",
				  user->pw_name, strerror(error));
	}
}

void settings_note_unreadable(struct settings *settings, const char *user)
{
	const struct passwd *entry = getpwnam(user);
	bool has_hba = settings->auth_type == AUTH_HBA;
	bool has_tls = settings->client_tls_sslmode != TLS_DISABLE;
	const struct {
		const char *name, *file;
		bool is_read;
	} files[] = {
		{"conffile", settings->conffile, true},
		{"auth_file", settings->auth_file, true},
		{"auth_hba_file", settings->auth_hba_file, has_hba},
		{"auth_ident_file", settings->auth_ident_file, has_hba},
		{"client_tls_key_file", settings->client_tls_key_file, has_tls},
		{"client_tls_cert_file", settings->client_tls_cert_file, has_tls},
		{"client_tls_ca_file", settings->client_tls_ca_file, has_tls},
		{"client_tls_crl_file", settings->client_tls_crl_file, has_tls},
		{"server_tls_key_file", settings->server_tls_key_file, true},
		{"server_tls_cert_file", settings->server_tls_cert_file, true},
		{"server_tls_ca_file", settings->server_tls_ca_file, true},
		{"server_tls_crl_file", settings->server_tls_crl_file, true},
	};

	if (!entry)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (files[i].is_read)
			note_file(settings, entry, files[i].name, files[i].file);
	}
	note_included(settings, entry);
}
