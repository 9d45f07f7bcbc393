#include "pool/roster.h"

#include <assert.h>

#include "pool/pool.h"

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

static void list_remove(struct server_list *list, struct server *server)
{
	*(server->previous != NULL ? &server->previous->next : &list->first) = server->next;
	*(server->next != NULL ? &server->next->previous : &list->last) = server->previous;
	server->next = server->previous = NULL;
	list->count--;
}

static void list_add_first(struct server_list *list, struct server *server)
{
	server->previous = NULL;
	server->next = list->first;
	*(list->first != NULL ? &list->first->previous : &list->last) = server;
	list->first = server;
	list->count++;
}

void server_move(struct server *server, enum server_state state)
{
	struct pool *pool = server->pool;

	assert(allowed_moves[server->state] & (1u << state));
	if (server->state != SERVER_CLOSED)
		list_remove(&pool->servers[server->state], server);
	if (state != SERVER_CLOSED)
		list_add_first(&pool->servers[state], server);
	server->state = state;
}

size_t pool_server_count(const struct pool *pool)
{
	size_t count = 0;
	for (int state = 0; state < SERVER_CLOSED; state++)
		count += pool->servers[state].count;
	return count;
}
