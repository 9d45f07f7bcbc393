/* Numbers, durations and switches are read whole or not at all, within their range. */
#include "conf/value.h"
#include "tests/unit/tap.h"

static void test_ints(void)
{
	static const struct {
		const char *text;
		bool is_good;
		int value;
	} cases[] = {
		{"0", true, 0},		  {"20", true, 20},
		{"0x10", true, 16},	  {"0777", true, 0777},
		{"+5", true, 5},	  {"1000", true, 1000},
		{"-1", false, 0},	  {"1001", false, 0},
		{"", false, 0},		  {" 5", false, 0},
		{"5 ", false, 0},	  {"5x", false, 0},
		{"08", false, 0},	  {"0x", false, 0},
		{"1.5", false, 0},	  {"1e2", false, 0},
		{"five", false, 0},	  {"--5", false, 0},
		{"-", false, 0},	  {"99999999999999999999", false, 0},
		{"4294967297", false, 0}, /* 2^32 + 1 must not turn into 1 */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int value = 0;

		ok(value_read_int(cases[i].text, 0, 1000, &value) == cases[i].is_good &&
			   value == cases[i].value,
		   "number '%s'", cases[i].text);
	}
}

static void test_durations(void)
{
	static const struct {
		const char *text;
		int64_t microseconds; /* -1: refused */
	} cases[] = {
		{"0", 0},
		{"15", 15000000},
		{"0.25", 250000},
		{".5", 500000},
		{"3600.5", 3600500000},
		{"1e3", 1000000000},
		{"0.1", 100000},
		{"0.0000001", 1}, /* 0 would mean "off" */
		{"250us", 250},
		{"250 ms", 250000},
		{"15s", 15000000},
		{"2min", 120000000},
		{"1h", 3600000000},
		{"1d", 86400000000},
		{"2147483647", 2147483647000000},
		{"2147483648", -1},
		{"100000d", -1},
		{"-1", -1},
		{"-0", -1},
		{"+1", -1},
		{"", -1},
		{"soon", -1},
		{"15 s s", -1},
		{"15S", -1},
		{"15 minutes", -1},
		{"inf", -1},
		{"nan", -1},
		{"0x10", -1},
		{"1e999", -1},
		{" 5", -1},
	};
	char text[40];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t value = -1;

		value_read_duration(cases[i].text, &value);
		is_int(value, cases[i].microseconds, "duration '%s'", cases[i].text);
	}

	value_print_duration(0, text, sizeof(text));
	is_text(text, "0", "no time");
	value_print_duration(3600500000, text, sizeof(text));
	is_text(text, "3600.5", "half a second is shown");
	value_print_duration(1, text, sizeof(text));
	is_text(text, "0.000001", "a microsecond is shown");
	value_print_duration(10000000, text, sizeof(text));
	is_text(text, "10", "the zero of ten stays");
}

static void test_flags(void)
{
	static const char *const yes[] = {"1", "on", "true", "yes", "ON", "True"};
	static const char *const no[] = {"0", "off", "false", "no", "OFF", "No"};
	static const char *const neither[] = {"", "2", "y", "n", "t", "01", "maybe", " 1"};
	bool value;

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		ok(value_read_flag(yes[i], &value) && value, "'%s' is yes", yes[i]);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		ok(value_read_flag(no[i], &value) && !value, "'%s' is no", no[i]);
	for (size_t i = 0; i < sizeof(neither) / sizeof(neither[0]); i++)
		ok(!value_read_flag(neither[i], &value), "'%s' is neither", neither[i]);
}

int main(void)
{
	test_ints();
	test_durations();
	test_flags();
	return done();
}
