#include "daemon/console/table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/array.h"
#include "daemon/console/types.h"
#include "protocol/message.h"

struct type {
	const char *name;
	uint32_t oid; /* drivers convert by it */
	int16_t size; /* -1: varies */
};

static const struct type types[] = {
	{"text", OID_TEXT, -1},
	{"int4", OID_INT4, 4},
	{"int8", OID_INT8, 8},
	{"numeric", OID_NUMERIC, -1},
	{"bytea", OID_BYTEA, -1},
};

static const struct type *find_type(const char *name, size_t length)
{
	size_t i = 0;
	while (strncmp(types[i].name, name, length) != 0 || types[i].name[length] != '\0') {
		i++;
		assert(i < ARRAY_SIZE(types));
	}
	return &types[i];
}

static void write_column(struct writer *writer, const char *name, size_t length,
			 const struct type *type)
{
	write_bytes(writer, name, length);
	write_uint8(writer, 0);
	write_uint32(writer, 0); /* of no table */
	write_uint16(writer, 0);
	write_uint32(writer, type->oid);
	write_uint16(writer, (uint16_t)type->size);
	write_uint32(writer, UINT32_MAX); /* no modifier */
	write_uint16(writer, 0);	  /* as text */
}

static unsigned count_columns(const char *heading)
{
	unsigned count = 1;
	for (const char *comma = heading; (comma = strchr(comma, ',')) != NULL; comma++)
		count++;
	return count;
}

void table_begin(struct table *table, struct writer *writer, const char *heading)
{
	*table = (struct table){.writer = writer, .columns = count_columns(heading)};
	message_begin(writer, BACKEND_ROW_DESCRIPTION);
	write_uint16(writer, table->columns);
	for (unsigned i = 0; i < table->columns; i++) {
		size_t name = strcspn(heading, " ");
		size_t type = strcspn(heading + name + 1, ",");
		write_column(writer, heading, name, find_type(heading + name + 1, type));
		heading += name + 1 + type;
		heading += strspn(heading, ", ");
	}
	message_end(writer);
}

void table_continue(struct table *table, struct writer *writer, const char *heading)
{
	*table = (struct table){.writer = writer, .columns = count_columns(heading)};
}

static void begin_cell(struct table *table)
{
	if (table->cells++ > 0)
		return;
	message_begin(table->writer, BACKEND_DATA_ROW);
	write_uint16(table->writer, table->columns);
}

static void end_cell(struct table *table)
{
	if (table->cells < table->columns)
		return;
	message_end(table->writer);
	table->cells = 0;
}

static void put(struct table *table, const char *text, size_t length)
{
	begin_cell(table);
	write_uint32(table->writer, (uint32_t)length);
	write_bytes(table->writer, text, length);
	end_cell(table);
}

void table_text(struct table *table, const char *text)
{
	if (text != NULL) {
		put(table, text, strlen(text));
		return;
	}
	begin_cell(table);
	write_uint32(table->writer, UINT32_MAX);
	end_cell(table);
}

void table_number(struct table *table, int64_t number)
{
	table_format(table, "%" PRId64, number);
}

void table_format(struct table *table, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	table_text(table, text);
}
