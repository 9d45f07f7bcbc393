#include "conf/value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/array.h"

bool value_read_number(const char *text, int64_t *number)
{
	char *end;

	/* strtoll() skips blanks, which we do not want to have in the middle of a pair. */
	if (!isdigit((unsigned char)text[0]) && text[0] != '-' && text[0] != '+')
		return false;
	errno = 0;
	*number = strtoll(text, &end, 0);
	return !errno && end != text && !*end;
}

bool value_read_int(const char *text, int min, int max, int *value)
{
	int64_t number;

	if (!value_read_number(text, &number) || number < min || number > max)
		return false;
	*value = (int)number;
	return true;
}

const char *value_without_zeros(const char *text)
{
	while (text[0] == '0' && isdigit((unsigned char)text[1]))
		text++;
	return text;
}

/* Microseconds of a unit; 0: there is no such unit. */
static double unit_microseconds(const char *unit)
{
	static const struct {
		const char *name;
		double microseconds;
	} units[] = {
		{"", 1e6},     {"us", 1},     {"ms", 1e3},    {"s", 1e6},
		{"min", 60e6}, {"h", 3600e6}, {"d", 86400e6},
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(unit, units[i].name) == 0)
			return units[i].microseconds;
	}
	return 0;
}

bool value_read_duration(const char *text, int64_t *microseconds)
{
	double number, unit;
	char *end;

	/* Neither a sign nor `inf`, `nan` or a hexadecimal fraction. */
	if (!isdigit((unsigned char)text[0]) && text[0] != '.')
		return false;
	if (text[0] == '0' && tolower((unsigned char)text[1]) == 'x')
		return false;
	number = strtod(text, &end);
	if (end == text)
		return false;
	while (isblank((unsigned char)*end))
		end++;
	unit = unit_microseconds(end);
	if (unit == 0 || number * unit > DURATION_MAX_SECONDS * 1e6)
		return false;
	*microseconds = (int64_t)(number * unit + 0.5);
	/* 0 would mean "off", which a short time is not. */
	if (*microseconds == 0 && number > 0)
		*microseconds = 1;
	return true;
}

bool value_read_flag(const char *text, bool *value)
{
	static const char *const words[2][4] = {
		{"0", "off", "false", "no"},
		{"1", "on", "true", "yes"},
	};

	for (int truth = 0; truth < 2; truth++) {
		for (int i = 0; i < 4; i++) {
			if (strcasecmp(text, words[truth][i]) == 0) {
				*value = truth;
				return true;
			}
		}
	}
	return false;
}

void value_print_duration(int64_t microseconds, char *buffer, size_t bytes)
{
	size_t length;

	if (microseconds % 1000000 == 0) {
		snprintf(buffer, bytes, "%" PRId64, microseconds / 1000000);
		return;
	}
	snprintf(buffer, bytes, "%" PRId64 ".%06" PRId64, microseconds / 1000000,
		 microseconds % 1000000);
	length = strlen(buffer);
	while (length > 0 && buffer[length - 1] == '0')
		buffer[--length] = '\0';
}
