/*
 * Which of several values counts: of the user, of the database, or the general one.
 */
#include "conf/settings.h"

static int64_t first_set(int64_t one, int64_t other, int64_t general)
{
	if (one != SETTING_UNSET)
		return one;
	return other != SETTING_UNSET ? other : general;
}

#define OF_USER(field) (user ? (int64_t)user->field : SETTING_UNSET)
#define OF_DATABASE(field) (database ? (int64_t)database->field : SETTING_UNSET)

_Static_assert((int)POOL_MODE_UNSET == SETTING_UNSET, "first_set() serves the pool mode as well");

enum pool_mode settings_pool_mode(const struct settings *settings, const struct database *database,
				  const struct user_settings *user)
{
	return (enum pool_mode)first_set(OF_USER(pool_mode), OF_DATABASE(pool_mode),
					 (int64_t)settings->pool_mode);
}

int settings_pool_size(const struct settings *settings, const struct database *database,
		       const struct user_settings *user)
{
	return (int)first_set(OF_USER(pool_size), OF_DATABASE(pool_size),
			      settings->default_pool_size);
}

int settings_reserve_pool_size(const struct settings *settings, const struct database *database,
			       const struct user_settings *user)
{
	return (int)first_set(OF_USER(reserve_pool_size), OF_DATABASE(reserve_pool_size),
			      settings->reserve_pool_size);
}

int settings_min_pool_size(const struct settings *settings, const struct database *database,
			   const struct user_settings *user)
{
	int wanted =
		(int)first_set(SETTING_UNSET, OF_DATABASE(min_pool_size), settings->min_pool_size);
	int size = settings_pool_size(settings, database, user);

	return wanted < size ? wanted : size;
}

int settings_max_db_connections(const struct settings *settings, const struct database *database)
{
	return (int)first_set(SETTING_UNSET, OF_DATABASE(max_db_connections),
			      settings->max_db_connections);
}

int settings_max_user_connections(const struct settings *settings, const struct user_settings *user)
{
	return (int)first_set(OF_USER(max_user_connections), SETTING_UNSET,
			      settings->max_user_connections);
}

int settings_max_db_client_connections(const struct settings *settings,
				       const struct database *database)
{
	return (int)first_set(SETTING_UNSET, OF_DATABASE(max_db_client_connections),
			      settings->max_db_client_connections);
}

int settings_max_user_client_connections(const struct settings *settings,
					 const struct user_settings *user)
{
	return (int)first_set(OF_USER(max_user_client_connections), SETTING_UNSET,
			      settings->max_user_client_connections);
}

int64_t settings_server_lifetime_us(const struct settings *settings,
				    const struct database *database)
{
	/* PgBouncer takes a 0 at a database for "not set", though a general 0 means "used once". */
	if (database && database->server_lifetime_us > 0)
		return database->server_lifetime_us;
	return settings->server_lifetime_us;
}

int64_t settings_query_wait_timeout_us(const struct settings *settings,
				       const struct database *database,
				       const struct user_settings *user)
{
	return first_set(OF_USER(query_wait_timeout_us), OF_DATABASE(query_wait_timeout_us),
			 settings->query_wait_timeout_us);
}

int64_t settings_query_timeout_us(const struct settings *settings, const struct user_settings *user)
{
	return first_set(OF_USER(query_timeout_us), SETTING_UNSET, settings->query_timeout_us);
}

int64_t settings_transaction_timeout_us(const struct settings *settings,
					const struct user_settings *user)
{
	return first_set(OF_USER(transaction_timeout_us), SETTING_UNSET,
			 settings->transaction_timeout_us);
}

int64_t settings_idle_transaction_timeout_us(const struct settings *settings,
					     const struct user_settings *user)
{
	return first_set(OF_USER(idle_transaction_timeout_us), SETTING_UNSET,
			 settings->idle_transaction_timeout_us);
}

int64_t settings_client_idle_timeout_us(const struct settings *settings,
					const struct user_settings *user)
{
	return first_set(OF_USER(client_idle_timeout_us), SETTING_UNSET,
			 settings->client_idle_timeout_us);
}

int settings_peer_pool_size(const struct settings *settings, const struct peer_entry *peer)
{
	return peer->pool_size != SETTING_UNSET ? peer->pool_size : settings->default_pool_size;
}
