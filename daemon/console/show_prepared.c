/* SHOW PREPARED_STATEMENTS: what clients have prepared, each text once. */
#include <stdio.h>

#include "daemon/console/show.h"
#include "daemon/session.h"
#include "daemon/worker.h"
#include "pool/pools.h"
#include "protocol/message.h"
#include "protocol/statement.h"

static void put_types(struct table *table, const struct statement *statement)
{
	const char *types = statement->body + statement->sql.length + 1;
	uint32_t count = statement_type_count(statement);
	char text[256] = "";
	int length = 0;

	/* As numbers, since their names are known to the server only. */
	for (uint32_t i = 0; i < count && length < (int)sizeof text - 16; i++)
		length += snprintf(text + length, sizeof text - (size_t)length, "%s%u",
				   i == 0 ? "" : ",", read_uint32(types + 2 + 4 * (size_t)i));
	table_text(table, text);
}

static void put_statement(void *context, const struct statement *statement)
{
	struct table *table = context;

	table_text(table, statement->name);
	table_text(table, statement->body);
	put_types(table, statement);
	table_number(table, statement->holders[HELD_BY_CLIENT]);
	table_number(table, statement->holders[HELD_BY_SERVER]);
	table_number(table, (int64_t)atomic_load(&statement->uses));
	table_number(table, (int64_t)statement_bytes(statement));
}

static void rows(struct table *table, struct worker *here)
{
	statement_table_each(here->pools->statements, put_statement, table);
}

const struct show show_prepared_statements = {
	"PREPARED_STATEMENTS",
	"name text, query text, parameter_types text, clients int4, servers int4, uses int8, "
	"bytes int8",
	rows,
	NULL,
};
