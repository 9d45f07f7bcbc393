#include "pool/roster.h"

#include <assert.h>

#include "pool/pools.h"

#define MAY(state) (1u << SERVER_##state)

/* From a state (row) a server may only go to these. */
static const unsigned allowed_moves[SERVER_STATES] = {
	[SERVER_LOGIN] = MAY(IDLE) | MAY(CLOSED),
	[SERVER_IDLE] = MAY(ACTIVE) | MAY(TESTED) | MAY(CLOSED),
	[SERVER_TESTED] = MAY(IDLE) | MAY(CLOSED),
	[SERVER_ACTIVE] = MAY(IDLE) | MAY(BEING_CANCELED) | MAY(CLOSED),
	[SERVER_BEING_CANCELED] = MAY(IDLE) | MAY(CLOSED),
	[SERVER_CLOSED] = MAY(LOGIN),
};

/* Others look at a count without the lock, to guess. */
static void set_count(struct server_list *list, size_t count)
{
	__atomic_store_n(&list->count, count, __ATOMIC_RELAXED);
}

static void list_remove(struct server_list *list, struct server *server)
{
	*(server->previous != NULL ? &server->previous->next : &list->first) = server->next;
	*(server->next != NULL ? &server->next->previous : &list->last) = server->previous;
	server->next = server->previous = NULL;
	set_count(list, list->count - 1);
}

static void list_add_first(struct server_list *list, struct server *server)
{
	server->previous = NULL;
	server->next = list->first;
	*(list->first != NULL ? &list->first->previous : &list->last) = server;
	list->first = server;
	set_count(list, list->count + 1);
}

/* Those that rest stand in a list of their home's, too. */
static void home_remove(struct server *server)
{
	struct pool_share *share = &server->pool->shares[server->worker];

	*(server->previous_here != NULL ? &server->previous_here->next_here : &share->first_idle) =
		server->next_here;
	if (server->next_here != NULL)
		server->next_here->previous_here = server->previous_here;
}

static void home_add_first(struct server *server)
{
	struct pool_share *share = &server->pool->shares[server->worker];

	server->previous_here = NULL;
	server->next_here = share->first_idle;
	if (share->first_idle != NULL)
		share->first_idle->previous_here = server;
	share->first_idle = server;
}

void server_move(struct server *server, enum server_state state)
{
	struct pool *pool = server->pool;

	assert(allowed_moves[server->state] & (1u << state));
	if (server->state != SERVER_CLOSED)
		list_remove(&pool->servers[server->state], server);
	else
		pool->pools->server_count++;
	if (server->state == SERVER_IDLE)
		home_remove(server);
	if (state != SERVER_CLOSED)
		list_add_first(&pool->servers[state], server);
	else
		pool->pools->server_count--;
	if (state == SERVER_IDLE)
		home_add_first(server);
	server->state = state;
}

size_t pool_server_count(const struct pool *pool)
{
	size_t count = 0;
	for (int state = 0; state < SERVER_CLOSED; state++)
		count += pool->servers[state].count;
	return count;
}

struct server *roster_next(const struct pool *pool, const struct server *behind)
{
	struct server *next = behind == NULL ? NULL : behind->next;

	for (int state = behind == NULL ? 0 : (int)behind->state + 1;
	     next == NULL && state < SERVER_CLOSED; state++)
		next = pool->servers[state].first;
	return next;
}
