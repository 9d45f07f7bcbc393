#include "daemon/login/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "conf/memory.h"
#include "daemon/login/auth_query.h"
#include "daemon/session.h"
#include "daemon/worker.h"

static struct auth_source find_source(const struct session *session,
				      const struct settings *settings)
{
	return auth_source_find(settings,
				settings_find_database(settings, session->database_name),
				session->database_name);
}

/* A database that does not exist cannot be asked; that is told to those with the right password. */
static bool can_be_asked(const struct session *session, const struct settings *settings,
			 const struct auth_source *source)
{
	return source->user != NULL &&
	       (settings_find_database(settings, source->database_name) != NULL ||
		strcmp(source->database_name, session->database_name) != 0 ||
		settings_is_console(source->database_name));
}

/* For its pool, which may need it when there are other settings, by which nobody finds it. */
static void bring_along(struct session *session, const struct user_record *record)
{
	lookup_leave(session);
	session->answer = record->entry;
	text_wipe(session->secrets[POOL_ANSWER]);
	session->secrets[POOL_ANSWER] = strdup(record->secret);
}

void lookup_leave(struct session *session)
{
	struct worker *worker = session->worker;

	if (session->answer != NULL)
		auth_cache_leave(worker->auth_cache, session->answer,
				 auth_query_fresh_since(worker->settings));
	session->answer = NULL;
}

bool await_user_record(struct session *session, struct user_record *record, struct failure *why,
		       int64_t deadline)
{
	struct settings *settings = session->worker->settings;
	const char *secret = auth_users_find(&settings->auth_users, session->user_name);
	struct auth_source source = find_source(session, settings);

	*record = (struct user_record){.is_known = secret != NULL};
	if (secret == NULL && can_be_asked(session, settings, &source)) {
		settings_hold(settings);
		bool done = await_auth_query(session, settings, &source, record, why, deadline);
		settings_drop(settings);
		if (done && record->secret != NULL)
			bring_along(session, record);
		return done;
	}
	if (secret == NULL || secret[0] == '\0')
		return true;
	record->secret = strdup(secret);
	return record->secret != NULL || failure_set(why, FAILURE_NO_MEMORY);
}

void lookup_doubt(const struct session *session)
{
	struct auth_source source = find_source(session, session->worker->settings);
	char *key = source.user == NULL ? NULL : auth_source_key(&source);

	if (key != NULL)
		auth_cache_doubt(session->worker->auth_cache, key, session->user_name);
	free(key);
}

bool lookup_has_source(const struct session *session)
{
	const struct settings *settings = session->worker->settings;

	return settings->auth_file[0] != '\0' || find_source(session, settings).user != NULL;
}

bool lookup_is_by_query(const struct session *session)
{
	return find_source(session, session->worker->settings).user != NULL;
}

char *lookup_secret(struct worker *worker, const struct settings *settings,
		    const struct database *database, const char *name, const char *user)
{
	const char *secret = auth_users_find(&settings->auth_users, user);
	struct auth_source source = auth_source_find(settings, database, name);

	if (secret != NULL)
		return secret[0] != '\0' ? strdup(secret) : NULL;
	char *key = source.user == NULL ? NULL : auth_source_key(&source);
	char *copy = key == NULL ? NULL : auth_cache_copy_secret(worker->auth_cache, key, user);
	free(key);
	return copy;
}
