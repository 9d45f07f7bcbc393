#include "pool/anew.h"

#include <string.h>

#include "pool/pools.h"

static bool is_about_secrets(const struct failure *why)
{
	return why->kind == FAILURE_SERVER_LOGIN ||
	       (why->kind == FAILURE_SERVER_REFUSED && strcmp(why->sqlstate, "28P01") == 0);
}

static void know_more(struct pool *pool)
{
	if (is_about_secrets(&pool->last_failure))
		pool->failures = 0;
	for (struct server *server = pool->servers[SERVER_LOGIN].first; server != NULL;
	     server = server->next)
		server->is_outdone = true;
}

void pools_know_more(struct pools *pools, const char *user_name)
{
	pools_keep(pools);
	for (struct pool *pool = pools_first(pools); pool != NULL; pool = pools_next(pool))
		if (strcmp(pool->user_name, user_name) == 0)
			know_more(pool);
	pools_let_go(pools);
}

bool server_knew_less(const struct server *server, const struct failure *why)
{
	return server->is_outdone && is_about_secrets(why);
}
