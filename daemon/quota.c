#include "daemon/quota.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/settings.h"
#include "daemon/daemon.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "protocol/hash.h"

struct quota {
	struct quota *next;
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
	for (size_t i = 0; i < QUOTA_BUCKETS; i++) {
		while (quotas->buckets[i] != NULL) {
			struct quota *quota = quotas->buckets[i];
			quotas->buckets[i] = quota->next;
			free(quota);
		}
	}
	pthread_mutex_destroy(&quotas->lock);
}

static struct quota **find(struct quotas *quotas, enum quota_kind kind, const char *name)
{
	uint32_t hash = hash_bytes(HASH_START + (uint32_t)kind, name, strlen(name));
	struct quota **link = &quotas->buckets[hash % QUOTA_BUCKETS];
	while (*link != NULL && ((*link)->kind != kind || strcmp((*link)->name, name) != 0))
		link = &(*link)->next;
	return link;
}

static struct quota *quota_new(enum quota_kind kind, const char *name)
{
	size_t bytes = strlen(name) + 1;
	struct quota *quota = calloc(1, sizeof *quota + bytes);

	if (quota == NULL)
		return NULL;
	quota->kind = kind;
	memcpy(quota->name, name, bytes);
	return quota;
}

size_t quota_count(struct quotas *quotas, enum quota_kind kind, const char *name)
{
	pthread_mutex_lock(&quotas->lock);
	const struct quota *quota = *find(quotas, kind, name);
	size_t count = quota == NULL ? 0 : quota->count;
	pthread_mutex_unlock(&quotas->lock);
	return count;
}

void quota_each(struct quotas *quotas, enum quota_kind kind,
		void (*note)(void *context, const char *name), void *context)
{
	pthread_mutex_lock(&quotas->lock);
	for (size_t i = 0; i < QUOTA_BUCKETS; i++)
		for (const struct quota *quota = quotas->buckets[i]; quota != NULL; quota = quota->next)
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
	struct quota **link = find(quotas, kind, name);
	if (*link == NULL)
		*link = quota_new(kind, name);
	if (*link == NULL)
		taken = NO_MEMORY;
	else if (most > 0 && (*link)->count >= most)
		taken = TOO_MANY;
	else
		(*link)->count++;
	pthread_mutex_unlock(&quotas->lock);
	return taken;
}

static void give_back(struct quotas *quotas, enum quota_kind kind, const char *name)
{
	pthread_mutex_lock(&quotas->lock);
	struct quota **link = find(quotas, kind, name);
	struct quota *quota = *link;
	if (quota != NULL && --quota->count == 0) {
		*link = quota->next;
		free(quota);
	}
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
	for (size_t i = 0; i < QUOTA_BUCKETS; i++) {
		struct quota **link = &quotas->buckets[i];
		while (*link != NULL) {
			struct quota *quota = *link;
			if (quota->kind != QUOTA_DISABLED ||
			    settings_find_database(settings, quota->name) != NULL) {
				link = &quota->next;
				continue;
			}
			*link = quota->next;
			free(quota);
		}
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
