/* The binary forms of a table's values are those that a server sends. */
#include "daemon/console/selection.h"

#include "daemon/console/table.h"
#include "protocol/message.h"
#include "tests/unit/tap.h"

/* As PostgreSQL has them: select encode(numeric_send('12.3'), 'hex') */
static const struct {
	const char *type, *text, *hex;
} values[] = {
	{"numeric", "0", "0000000000000000"},
	{"numeric", "0.0", "0000000000000001"},
	{"numeric", "7", "00010000000000000007"},
	{"numeric", "0.1", "0001ffff0000000103e8"},
	{"numeric", "12.3", "0002000000000001000c0bb8"},
	{"numeric", "100.0", "00010000000000010064"},
	{"numeric", "-5.25", "0002000040000002000509c4"},
	{"numeric", "-40000", "00010001400000000004"},
	{"numeric", "0.00001234", "0001fffe0000000804d2"},
	{"numeric", "1234.56789", "000300000000000504d2162e2328"},
	{"numeric", "20000.00007", "00040001000000050002000000001b58"},
	{"numeric", "18446744073709551615", "000500040000000007341a5802e103bb064f"},
	{"int8", "-2", "fffffffffffffffe"},
	{"int8", "9007199254740993", "0020000000000001"},
	{"int4", "-258", "fffffefe"},
	{"text", "1.5", "312e35"},
};

/* Writes a table of one value as a client wants it that asks for binary forms, without its heading. */
static void write_in_binary(struct writer *row, const char *type, const char *text)
{
	static const uint16_t binary[] = {1};
	static const struct selection_formats formats = {binary, 1};
	static const struct selection all = {.limit = -1};
	char heading[32];
	struct writer plain;
	struct table table;
	struct failure why;

	snprintf(heading, sizeof heading, "value %s", type);
	writer_init(&plain);
	table_begin(&table, &plain, heading);
	table_text(&table, text);
	ok(selection_write(row, &plain, &all, &formats, &why), "%s %s", type, text);
	writer_release(&plain);
}

static void test_binary_forms(void)
{
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		char hex[64] = "";
		struct writer row;
		writer_init(&row);
		write_in_binary(&row, values[i].type, values[i].text);
		const char *length = row.data + MESSAGE_HEADER_BYTES + 2, *cell = length + 4;
		for (size_t at = 0; at < read_uint32(length) && at < 30; at++)
			snprintf(hex + 2 * at, 3, "%02x", (unsigned char)cell[at]);
		is_text(hex, values[i].hex, "... in binary");
		is_int(cell + read_uint32(length) - row.data, (int64_t)row.length,
		       "... to its end");
		writer_release(&row);
	}
}

int main(void)
{
	test_binary_forms();
	return done();
}
