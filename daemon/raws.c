#include "daemon/raws.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/prepared.h"

struct raw *raw_find(const struct server_statements *server, const char *name, size_t length)
{
	struct raw *raw = server->raws;

	while (raw != NULL && (raw->length != length || memcmp(raw->name, name, length) != 0))
		raw = raw->next;
	return raw;
}

struct raw *raw_make(struct server_statements *server, const char *name, size_t length)
{
	struct raw *raw = raw_find(server, name, length);

	if (raw != NULL)
		return raw;
	raw = calloc(1, sizeof *raw + length);
	if (raw == NULL)
		return NULL;
	raw->length = (uint32_t)length;
	memcpy(raw->name, name, length);
	raw->next = server->raws;
	server->raws = raw;
	server->raw_count++;
	return raw;
}

void raw_remove(struct server_statements *server, struct raw *raw)
{
	struct raw **link = &server->raws;

	while (*link != raw)
		link = &(*link)->next;
	*link = raw->next;
	server->raw_count--;
	statement_drop(raw->statement, HELD_BY_SERVER);
	free(raw);
}

void raw_set(struct raw *raw, struct statement *statement)
{
	if (statement != NULL)
		statement_hold(statement, HELD_BY_SERVER);
	statement_drop(raw->statement, HELD_BY_SERVER);
	raw->statement = statement;
}

void raws_forget(struct server_statements *server, const char *name, size_t length)
{
	struct raw *raw = raw_find(server, name, length);
	if (raw != NULL)
		raw_set(raw, NULL);
}

void raws_clear(struct server_statements *server)
{
	while (server->raws != NULL)
		raw_remove(server, server->raws);
}
