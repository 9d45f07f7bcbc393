#include "daemon/console/selection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/console/types.h"
#include "protocol/message.h"

/* Behind a column's name: table, attribute, type, size, modifier, format. */
enum { COLUMN_TAIL_BYTES = 18, COLUMN_OID_AT = 6, COLUMN_FORMAT_AT = 16 };
enum { COLUMNS_MOST = 64 };

struct column {
	const char *name;
	uint32_t oid;
};

struct columns {
	size_t count;
	struct column items[COLUMNS_MOST];
};

struct cell {
	const char *text; /* NULL: SQL's NULL; without a terminating zero */
	size_t length;
};

struct sorting {
	const struct columns *columns;
	const struct selection *selection;
	size_t order_columns[SELECTION_ORDERS];
};

/* --- columns and cells -------------------------------------------------------------------- */

static void read_columns(struct columns *columns, const char *message)
{
	const char *at = message + MESSAGE_HEADER_BYTES + 2;

	columns->count = read_uint16(message + MESSAGE_HEADER_BYTES);
	if (columns->count > COLUMNS_MOST)
		columns->count = COLUMNS_MOST;
	for (size_t i = 0; i < columns->count; i++) {
		columns->items[i].name = at;
		at += strlen(at) + 1;
		columns->items[i].oid = read_uint32(at + COLUMN_OID_AT);
		at += COLUMN_TAIL_BYTES;
	}
}

static bool find_column(const struct columns *columns, const char *name, size_t *index,
			struct failure *why)
{
	char text[sizeof why->message];

	for (*index = 0; *index < columns->count; ++*index)
		if (strcasecmp(columns->items[*index].name, name) == 0)
			return true;
	snprintf(text, sizeof text, "column \"%s\" does not exist", name);
	return failure_set(why, FAILURE_CONSOLE_ERROR, text);
}

static struct cell cell_at(const char *row, size_t index)
{
	const char *at = row + MESSAGE_HEADER_BYTES + 2;

	for (;;) {
		uint32_t length = read_uint32(at);
		struct cell cell = {length == UINT32_MAX ? NULL : at + 4,
				    length == UINT32_MAX ? 0 : length};
		if (index-- == 0)
			return cell;
		at += 4 + cell.length;
	}
}

static bool is_number(const struct columns *columns, size_t index)
{
	uint32_t oid = columns->items[index].oid;
	return oid == OID_INT4 || oid == OID_INT8 || oid == OID_NUMERIC;
}

/* Wide enough for every counter. The cell's own text has no end. */
static long double number_of(const struct cell *cell)
{
	char copy[48];
	size_t length = cell->length < sizeof copy - 1 ? cell->length : sizeof copy - 1;

	memcpy(copy, cell->text, length);
	copy[length] = '\0';
	return strtold(copy, NULL);
}

static int compare_cells(const struct cell *one, const struct cell *other, bool as_numbers)
{
	if (as_numbers) {
		long double a = number_of(one), b = number_of(other);
		return (a > b) - (a < b);
	}
	size_t common = one->length < other->length ? one->length : other->length;
	int order = memcmp(one->text, other->text, common);
	return order != 0 ? order : (one->length > other->length) - (one->length < other->length);
}

/* --- conditions and order ----------------------------------------------------------------- */

static bool holds(const struct cell *cell, const struct selection_condition *condition,
		  bool as_numbers)
{
	struct cell wanted = {condition->value, strlen(condition->value)};

	if (cell->text == NULL)
		return false;
	int order = compare_cells(cell, &wanted, as_numbers);
	switch (condition->comparison) {
	case SELECTION_EQUAL:
		return order == 0;
	case SELECTION_UNEQUAL:
		return order != 0;
	case SELECTION_LESS:
		return order < 0;
	case SELECTION_AT_MOST:
		return order <= 0;
	case SELECTION_MORE:
		return order > 0;
	case SELECTION_AT_LEAST:
		break;
	}
	return order >= 0;
}

static bool is_wanted(const char *row, const struct sorting *sorting, const size_t *columns)
{
	for (size_t i = 0; i < sorting->selection->condition_count; i++) {
		struct cell cell = cell_at(row, columns[i]);
		if (!holds(&cell, &sorting->selection->conditions[i],
			   is_number(sorting->columns, columns[i])))
			return false;
	}
	return true;
}

/* What is NULL comes last, or first in descending order, as in PostgreSQL. */
static int compare_rows(const void *one, const void *other, void *context)
{
	const struct sorting *sorting = context;
	const char *a = *(const char *const *)one, *b = *(const char *const *)other;

	for (size_t i = 0; i < sorting->selection->order_count; i++) {
		size_t column = sorting->order_columns[i];
		struct cell x = cell_at(a, column), y = cell_at(b, column);
		int order = x.text == NULL || y.text == NULL ?
				    (x.text == NULL) - (y.text == NULL) :
				    compare_cells(&x, &y, is_number(sorting->columns, column));
		if (order != 0)
			return sorting->selection->orders[i].is_descending ? -order : order;
	}
	return (a > b) - (a < b); /* as they came */
}

/* --- forms -------------------------------------------------------------------------------- */

static bool is_binary(const struct selection_formats *formats, size_t column)
{
	if (formats == NULL || formats->count == 0)
		return false;
	return formats->codes[formats->count == 1 ? 0 : column < formats->count ? column : 0] == 1;
}

static void write_integer(struct writer *writer, const struct cell *cell, bool is_long)
{
	int64_t number = (int64_t)number_of(cell);

	write_uint32(writer, is_long ? 8 : 4);
	if (is_long)
		write_uint32(writer, (uint32_t)((uint64_t)number >> 32));
	write_uint32(writer, (uint32_t)number);
}

struct decimal {
	const char *digits; /* with a point behind the whole ones, if there are others */
	int whole, decimals;
};

/* The digit that stands before 10 to that power. */
static int digit_at(const struct decimal *number, int power)
{
	if (power >= number->whole || power < -number->decimals)
		return 0;
	return number->digits[number->whole - power - (power >= 0)] - '0';
}

/* The same to the base of 10,000. */
static unsigned group_at(const struct decimal *number, int weight)
{
	int group = 0;

	for (int power = 4 * weight + 3; power >= 4 * weight; power--)
		group = 10 * group + digit_at(number, power);
	return (unsigned)group;
}

static struct decimal read_decimal(const char *digits, const char *end)
{
	const char *point = memchr(digits, '.', (size_t)(end - digits));

	if (point == NULL)
		point = end;
	return (struct decimal){digits, (int)(point - digits),
				point < end ? (int)(end - point) - 1 : 0};
}

/* How many groups, the weight of the first, a sign, how many decimals; then the groups, without zeros around them. */
static void write_numeric(struct writer *writer, const struct cell *cell)
{
	bool is_negative = cell->length > 0 && cell->text[0] == '-';
	struct decimal number = read_decimal(cell->text + is_negative, cell->text + cell->length);
	int first = (number.whole + 3) / 4 - 1;
	int last = -((number.decimals + 3) / 4);

	while (first >= last && group_at(&number, first) == 0)
		first--;
	while (last < first && group_at(&number, last) == 0)
		last++;
	unsigned groups = (unsigned)(first + 1 - last);
	write_uint32(writer, 8 + 2 * groups);
	write_uint16(writer, groups);
	write_uint16(writer, groups == 0 ? 0 : (unsigned)first);
	write_uint16(writer, is_negative ? 0x4000 : 0);
	write_uint16(writer, (unsigned)number.decimals);
	for (int weight = first; weight >= last; weight--)
		write_uint16(writer, group_at(&number, weight));
}

static void write_cell(struct writer *writer, const struct cell *cell, uint32_t oid, bool binary)
{
	if (cell->text == NULL) {
		write_uint32(writer, UINT32_MAX);
	} else if (binary && (oid == OID_INT4 || oid == OID_INT8)) {
		write_integer(writer, cell, oid == OID_INT8);
	} else if (binary && oid == OID_NUMERIC) {
		write_numeric(writer, cell);
	} else {
		write_uint32(writer, (uint32_t)cell->length);
		write_bytes(writer, cell->text, cell->length);
	}
}

static void write_row(struct writer *writer, const char *row, const struct columns *columns,
		      const struct selection_formats *formats)
{
	if (formats == NULL || formats->count == 0) {
		write_bytes(writer, row, read_uint32(row + 1) + 1);
		return;
	}
	message_begin(writer, BACKEND_DATA_ROW);
	write_uint16(writer, (unsigned)columns->count);
	for (size_t i = 0; i < columns->count; i++) {
		struct cell cell = cell_at(row, i);
		write_cell(writer, &cell, columns->items[i].oid, is_binary(formats, i));
	}
	message_end(writer);
}

void selection_write_description(struct writer *writer, const char *message,
				 const struct selection_formats *formats)
{
	size_t count = read_uint16(message + MESSAGE_HEADER_BYTES);
	const char *at = message + MESSAGE_HEADER_BYTES + 2;

	message_begin(writer, BACKEND_ROW_DESCRIPTION);
	write_uint16(writer, (unsigned)count);
	for (size_t i = 0; i < count; i++) {
		size_t before = strlen(at) + 1 + COLUMN_FORMAT_AT;
		write_bytes(writer, at, before);
		write_uint16(writer, is_binary(formats, i));
		at += before + 2;
	}
	message_end(writer);
}

/* --- all together ------------------------------------------------------------------------- */

static bool find_columns(struct sorting *sorting, size_t *conditions, struct failure *why)
{
	const struct selection *selection = sorting->selection;

	for (size_t i = 0; i < selection->condition_count; i++)
		if (!find_column(sorting->columns, selection->conditions[i].column, &conditions[i],
				 why))
			return false;
	for (size_t i = 0; i < selection->order_count; i++)
		if (!find_column(sorting->columns, selection->orders[i].column,
				 &sorting->order_columns[i], why))
			return false;
	return true;
}

/* Takes the rows that stand here, up to another message; `*at` is then behind them. */
static const char **take_rows(const char **at, const char *end, const struct sorting *sorting,
			      const size_t *conditions, size_t *count)
{
	const char **rows = NULL;
	size_t capacity = 0;

	*count = 0;
	while (*at < end && **at == BACKEND_DATA_ROW) {
		const char *row = *at;
		*at += read_uint32(row + 1) + 1;
		if (!is_wanted(row, sorting, conditions))
			continue;
		if (*count == capacity) {
			capacity = capacity == 0 ? 64 : 2 * capacity;
			const char **more = reallocarray(rows, capacity, sizeof *rows);
			if (more == NULL) {
				free(rows);
				return NULL;
			}
			rows = more;
		}
		rows[(*count)++] = row;
	}
	return rows != NULL ? rows : calloc(1, sizeof *rows);
}

/* A RowDescription and its rows, from `*at` on. */
static bool write_table(struct writer *writer, const char **at, const char *end,
			const struct selection *selection, const struct selection_formats *formats,
			struct failure *why)
{
	struct columns columns;
	struct sorting sorting = {.columns = &columns, .selection = selection};
	size_t conditions[SELECTION_CONDITIONS];
	size_t count;

	read_columns(&columns, *at);
	if (!find_columns(&sorting, conditions, why))
		return false;
	size_t heading = read_uint32(*at + 1) + 1;
	if (formats == NULL)
		write_bytes(writer, *at, heading);
	*at += heading;
	const char **rows = take_rows(at, end, &sorting, conditions, &count);
	if (rows == NULL)
		return failure_set(why, FAILURE_NO_MEMORY);
	if (selection->order_count > 0)
		qsort_r(rows, count, sizeof *rows, compare_rows, &sorting);
	if (selection->limit >= 0 && count > (size_t)selection->limit)
		count = (size_t)selection->limit;
	for (size_t i = 0; i < count; i++)
		write_row(writer, rows[i], &columns, formats);
	free(rows);
	return true;
}

bool selection_write(struct writer *writer, const struct writer *table,
		     const struct selection *selection, const struct selection_formats *formats,
		     struct failure *why)
{
	const char *at = table->data, *end = at + table->length;

	if (table->failed)
		return failure_set(why, FAILURE_NO_MEMORY);
	while (at < end) {
		size_t message = read_uint32(at + 1) + 1;
		if (*at == BACKEND_ROW_DESCRIPTION) {
			if (!write_table(writer, &at, end, selection, formats, why))
				return false;
			continue;
		}
		write_bytes(writer, at, message);
		at += message;
	}
	return true;
}
