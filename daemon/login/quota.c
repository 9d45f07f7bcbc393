#include "daemon/login/quota.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/settings.h"
#include "daemon/daemon.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "protocol/hash.h"

struct quota {
	struct hash_link link; /* by kind and name */
	enum quota_kind kind;
	size_t count;
	char name[];
};

void quotas_init(struct quotas *quotas)
{
	*quotas = (struct quotas){0};
	pthread_mutex_init(&quotas->lock, NULL);
}

void quotas_release(struct quotas *quotas)
{
	for (struct quota *quota = hash_table_first(&quotas->table); quota != NULL;) {
		struct quota *next = hash_table_next(&quotas->table, &quota->link);
		free(quota);
		quota = next;
	}
	hash_table_release(&quotas->table);
	pthread_mutex_destroy(&quotas->lock);
}

static uint32_t hash_of(enum quota_kind kind, const char *name)
{
	return hash_text(name) + (uint32_t)kind;
}

static struct quota *find(const struct quotas *quotas, enum quota_kind kind, const char *name)
{
	struct quota *quota = hash_table_find(&quotas->table, hash_of(kind, name));

	while (quota != NULL && (quota->kind != kind || strcmp(quota->name, name) != 0))
		quota = hash_table_find_next(&quota->link);
	return quota;
}

static struct quota *add(struct quotas *quotas, enum quota_kind kind, const char *name)
{
	size_t bytes = strlen(name) + 1;
	struct quota *quota = calloc(1, sizeof *quota + bytes);

	if (quota == NULL)
		return NULL;
	quota->kind = kind;
	memcpy(quota->name, name, bytes);
	hash_table_add(&quotas->table, &quota->link, hash_of(kind, name));
	return quota;
}

static void forget(struct quotas *quotas, struct quota *quota)
{
	hash_table_remove(&quotas->table, &quota->link);
	free(quota);
}

size_t quota_count(struct quotas *quotas, enum quota_kind kind, const char *name)
{
	pthread_mutex_lock(&quotas->lock);
	const struct quota *quota = find(quotas, kind, name);
	size_t count = quota == NULL ? 0 : quota->count;
	pthread_mutex_unlock(&quotas->lock);
	return count;
}

void quota_each(struct quotas *quotas, enum quota_kind kind,
		void (*note)(void *context, const char *name), void *context)
{
	pthread_mutex_lock(&quotas->lock);
	for (const struct quota *quota = hash_table_first(&quotas->table); quota != NULL;
	     quota = hash_table_next(&quotas->table, &quota->link))
		if (quota->kind == kind)
			note(context, quota->name);
	pthread_mutex_unlock(&quotas->lock);
}

enum taken { TAKEN, TOO_MANY, NO_MEMORY };

/* One more of the name, if it has fewer than `most`; 0: there is no limit. */
static enum taken take(struct quotas *quotas, enum quota_kind kind, const char *name, size_t most)
{
	enum taken taken = TAKEN;

	pthread_mutex_lock(&quotas->lock);
	struct quota *quota = find(quotas, kind, name);
	if (quota == NULL)
		quota = add(quotas, kind, name);
	if (quota == NULL)
		taken = NO_MEMORY;
	else if (most > 0 && quota->count >= most)
		taken = TOO_MANY;
	else
		quota->count++;
	pthread_mutex_unlock(&quotas->lock);
	return taken;
}

static void give_back(struct quotas *quotas, enum quota_kind kind, const char *name)
{
	pthread_mutex_lock(&quotas->lock);
	struct quota *quota = find(quotas, kind, name);
	if (quota != NULL && --quota->count == 0)
		forget(quotas, quota);
	pthread_mutex_unlock(&quotas->lock);
}

bool quota_is_disabled(struct quotas *quotas, const char *database_name)
{
	return quota_count(quotas, QUOTA_DISABLED, database_name) > 0;
}

bool quota_set_disabled(struct quotas *quotas, const char *database_name, bool is_disabled)
{
	if (is_disabled)
		return take(quotas, QUOTA_DISABLED, database_name, 1) != NO_MEMORY;
	if (quota_is_disabled(quotas, database_name))
		give_back(quotas, QUOTA_DISABLED, database_name);
	return true;
}

void quota_enable_removed(struct quotas *quotas, const struct settings *settings)
{
	pthread_mutex_lock(&quotas->lock);
	for (struct quota *quota = hash_table_first(&quotas->table); quota != NULL;) {
		struct quota *next = hash_table_next(&quotas->table, &quota->link);
		if (quota->kind == QUOTA_DISABLED &&
		    settings_find_database(settings, quota->name) == NULL)
			forget(quotas, quota);
		quota = next;
	}
	pthread_mutex_unlock(&quotas->lock);
}

static bool refuse(enum taken taken, enum failure_kind kind, const char *what, const char *name,
		   int most, struct failure *why)
{
	if (taken == NO_MEMORY)
		return failure_set(why, FAILURE_NO_MEMORY);
	failure_set(why, kind);
	return failure_detail(why, "%s \"%.60s\" has %d clients, as many as it may have.", what,
			      name, most);
}

/* The name by which its database is counted. */
static const char *database_of(const struct session *session)
{
	return session->phase == SESSION_CONSOLE ? CONSOLE_NAME : session->database_name;
}

bool quota_enter(struct session *session, struct failure *why)
{
	struct quotas *quotas = &session->worker->daemon->quotas;
	const struct settings *settings = session->worker->settings;
	const char *database_name = database_of(session), *user_name = session->user_name;
	const struct database *database = settings_find_database(settings, database_name);
	const struct user_settings *user = settings_find_user(settings, user_name);
	bool is_free = session->phase == SESSION_CONSOLE && session->is_admin;
	int of_database = is_free ? 0 : settings_max_db_client_connections(settings, database);
	int of_user = is_free ? 0 : settings_max_user_client_connections(settings, user);

	if (quota_is_disabled(quotas, database_name))
		return failure_set(why, FAILURE_DISABLED, database_name);
	enum taken taken = take(quotas, QUOTA_DATABASE, database_name, (size_t)of_database);
	if (taken != TAKEN)
		return refuse(taken, FAILURE_TOO_MANY_DB_CLIENTS, "Database", database_name,
			      of_database, why);
	taken = take(quotas, QUOTA_USER, user_name, (size_t)of_user);
	session->has_quota = taken == TAKEN;
	if (session->has_quota)
		return true;
	give_back(quotas, QUOTA_DATABASE, database_name);
	return refuse(taken, FAILURE_TOO_MANY_USER_CLIENTS, "User", user_name, of_user, why);
}

void quota_leave(struct session *session)
{
	struct quotas *quotas = &session->worker->daemon->quotas;

	if (!session->has_quota)
		return;
	session->has_quota = false;
	give_back(quotas, QUOTA_DATABASE, database_of(session));
	give_back(quotas, QUOTA_USER, session->user_name);
}
