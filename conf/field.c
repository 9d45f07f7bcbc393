#include "conf/field.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "conf/array.h"
#include "conf/memory.h"
#include "conf/settings.h"
#include "conf/suggest.h"
#include "conf/value.h"

const struct choice choices_pool_mode[] = {
	{"session", POOL_SESSION},
	{"transaction", POOL_TRANSACTION},
	{"statement", POOL_STATEMENT},
	{0},
};

const struct choice choices_load_balance[] = {
	{"round-robin", BALANCE_ROUND_ROBIN},
	{"disable", BALANCE_DISABLE},
	{"random", BALANCE_RANDOM},
	{0},
};

const struct choice choices_auth_method[] = {
	{"trust", AUTH_TRUST},
	{"any", AUTH_ANY},
	{"plain", AUTH_PLAIN},
	{"md5", AUTH_MD5},
	{"scram-sha-256", AUTH_SCRAM},
	{"cert", AUTH_CERT},
	{"hba", AUTH_HBA},
	{"ldap", AUTH_LDAP},
	{"pam", AUTH_PAM},
	{0},
};

const struct choice choices_tls_mode[] = {
	{"disable", TLS_DISABLE},
	{"allow", TLS_ALLOW},
	{"prefer", TLS_PREFER},
	{"require", TLS_REQUIRE},
	{"verify-ca", TLS_VERIFY_CA},
	{"verify-full", TLS_VERIFY_FULL},
	{0},
};

const struct choice choices_syslog_facility[] = {
	{"auth", FACILITY_AUTH},
	{"authpriv", FACILITY_AUTHPRIV},
	{"daemon", FACILITY_DAEMON},
	{"user", FACILITY_USER},
	{"local0", FACILITY_LOCAL0},
	{"local1", FACILITY_LOCAL1},
	{"local2", FACILITY_LOCAL2},
	{"local3", FACILITY_LOCAL3},
	{"local4", FACILITY_LOCAL4},
	{"local5", FACILITY_LOCAL5},
	{"local6", FACILITY_LOCAL6},
	{"local7", FACILITY_LOCAL7},
	{0},
};

_Static_assert(FACILITY_USER == LOG_USER && FACILITY_DAEMON == LOG_DAEMON &&
		       FACILITY_AUTH == LOG_AUTH && FACILITY_AUTHPRIV == LOG_AUTHPRIV &&
		       FACILITY_LOCAL0 == LOG_LOCAL0 && FACILITY_LOCAL7 == LOG_LOCAL7,
	       "the facilities are those of openlog()");
_Static_assert(sizeof(enum pool_mode) == sizeof(int) && sizeof(enum auth_method) == sizeof(int) &&
		       sizeof(enum load_balance) == sizeof(int) &&
		       sizeof(enum syslog_facility) == sizeof(int) &&
		       sizeof(enum tls_mode) == sizeof(int),
	       "choices are read and written as int");

const char *choice_name(const struct choice *choices, int value)
{
	while (choices->name && choices->value != value)
		choices++;
	return choices->name;
}

static void *field_at(const struct field *field, void *base)
{
	return (char *)base + field->offset;
}

static const void *const_field_at(const struct field *field, const void *base)
{
	return (const char *)base + field->offset;
}

static const char *text_of(const struct field *field, const void *base)
{
	return *(char *const *)const_field_at(field, base);
}

/* The value of any field but a text. */
static int64_t number_of(const struct field *field, const void *base)
{
	const void *place = const_field_at(field, base);

	switch (field->kind) {
	case FIELD_DURATION:
		return *(const int64_t *)place;
	case FIELD_FLAG:
		return *(const bool *)place;
	default:
		return *(const int *)place;
	}
}

static void set_number(const struct field *field, void *base, int64_t number)
{
	void *place = field_at(field, base);

	switch (field->kind) {
	case FIELD_DURATION:
		*(int64_t *)place = number;
		break;
	case FIELD_FLAG:
		*(bool *)place = number != 0;
		break;
	default:
		*(int *)place = (int)number;
	}
}

static void set_text(const struct field *field, void *base, const char *text)
{
	char **place = field_at(field, base);

	if (field->is_secret)
		text_wipe(*place);
	else
		free(*place);
	*place = text_copy(text);
}

static void set_default(const struct field *field, void *base)
{
	if (field->kind == FIELD_TEXT)
		*(char **)field_at(field, base) = text_copy(field->default_text);
	else
		set_number(field, base, field->default_value);
}

/* `"a", "b" or "c"`. */
static void list_choices(const struct choice *choices, char *buffer, size_t bytes)
{
	size_t length = 0, left = 0;

	while (choices[left].name)
		left++;
	buffer[0] = '\0';
	for (const struct choice *choice = choices; choice->name && length < bytes; choice++) {
		left--;
		length +=
			(size_t)snprintf(buffer + length, bytes - length, "\"%s\"%s", choice->name,
					 left > 1 ? ", "
					 : left	  ? " or "
						  : "");
	}
}

static bool parse_choice(const struct field *field, void *base, const char *text, char *why)
{
	struct suggestion suggestion;
	char list[FIELD_WHY_BYTES / 2];

	suggestion_init(&suggestion, text);
	for (const struct choice *choice = field->choices; choice->name; choice++) {
		if (strcasecmp(choice->name, text) == 0) {
			set_number(field, base, choice->value);
			return true;
		}
		suggestion_offer(&suggestion, choice->name);
	}
	list_choices(field->choices, list, sizeof(list));
	snprintf(why, FIELD_WHY_BYTES, "\"%.80s\" is not one of %s%s", text, list,
		 suggestion_text(&suggestion));
	return false;
}

static bool parse_count(const struct field *field, void *base, const char *text, char *why)
{
	bool is_octal = field->kind == FIELD_OCTAL;
	int64_t number;
	bool is_number = value_read_number(field->is_decimal ? value_without_zeros(text) : text,
					   &number);

	if (is_number && number > field->max && number <= field->clamped_up_to) {
		snprintf(why, FIELD_WHY_BYTES, "%.20s is more than there can be, which is %d", text,
			 field->max);
		number = field->max;
	}
	if (is_number && number >= field->min && number <= field->max) {
		set_number(field, base, number);
		return true;
	}
	snprintf(why, FIELD_WHY_BYTES,
		 is_octal ? "\"%.80s\" is not an octal number from %#o to %#o"
			  : "\"%.80s\" is not a whole number from %d to %d",
		 text, field->min, field->max);
	return false;
}

/* The unit that is meant by a longer or shorter word for it; NULL: none. */
static const char *meant_unit(const char *word)
{
	static const struct {
		const char *beginning, *unit;
	} words[] = {
		{"sec", "s"},  {"mil", "ms"}, {"ms", "ms"}, {"mic", "us"}, {"us", "us"},
		{"min", "min"}, {"m", "min"},  {"h", "h"},   {"d", "d"},    {"s", "s"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strncasecmp(word, words[i].beginning, strlen(words[i].beginning)) == 0)
			return words[i].unit;
	}
	return NULL;
}

static bool refuse_duration(const char *text, char *why)
{
	size_t number = strspn(text, "0123456789.");
	const char *unit = text + number + strspn(text + number, " \t"), *meant;
	int length;

	meant = number > 0 ? meant_unit(unit) : NULL;
	length = snprintf(why, FIELD_WHY_BYTES,
			  "\"%.80s\" is not a time in seconds from 0 to %d (us, ms, s, min, h or d "
			  "may follow)",
			  text, DURATION_MAX_SECONDS);
	if (meant && strcmp(unit, meant) != 0)
		snprintf(why + length, FIELD_WHY_BYTES - (size_t)length,
			 "; did you mean \"%.*s%s\"?", number < 40 ? (int)number : 40, text, meant);
	return false;
}

static bool parse_duration(const struct field *field, void *base, const char *text, char *why)
{
	int64_t microseconds;

	if (value_read_duration(text, &microseconds)) {
		set_number(field, base, microseconds);
		return true;
	}
	return refuse_duration(text, why);
}

static bool parse_flag(const struct field *field, void *base, const char *text, char *why)
{
	bool value;

	if (value_read_flag(text, &value)) {
		set_number(field, base, value);
		return true;
	}
	snprintf(why, FIELD_WHY_BYTES,
		 "\"%.80s\" is neither 1 (on, true, yes) nor 0 (off, false, no)", text);
	return false;
}

bool field_parse(const struct field *field, void *base, const char *text, char why[FIELD_WHY_BYTES])
{
	why[0] = '\0';
	switch (field->kind) {
	case FIELD_TEXT:
		set_text(field, base, text);
		return true;
	case FIELD_COUNT:
	case FIELD_OCTAL:
		return parse_count(field, base, text, why);
	case FIELD_FLAG:
		return parse_flag(field, base, text, why);
	case FIELD_DURATION:
		return parse_duration(field, base, text, why);
	case FIELD_CHOICE:
		return parse_choice(field, base, text, why);
	}
	return false;
}

static void print_text(const char *text, char *buffer, size_t bytes)
{
	size_t wanted = (size_t)snprintf(buffer, bytes, "%s", text ? text : "");

	if (wanted >= bytes && bytes > 4)
		snprintf(buffer + bytes - 4, 4, "...");
}

static void print_number(const struct field *field, int64_t number, char *buffer, size_t bytes)
{
	const char *name;

	switch (field->kind) {
	case FIELD_OCTAL:
		snprintf(buffer, bytes, "%#o", (unsigned)number);
		return;
	case FIELD_DURATION:
		value_print_duration(number, buffer, bytes);
		return;
	case FIELD_CHOICE:
		name = choice_name(field->choices, (int)number);
		snprintf(buffer, bytes, "%s", name ? name : "");
		return;
	default:
		snprintf(buffer, bytes, "%d", (int)number);
	}
}

void field_print(const struct field *field, const void *base, char *buffer, size_t bytes)
{
	const char *text = field->kind == FIELD_TEXT ? text_of(field, base) : NULL;

	if (field->kind == FIELD_TEXT)
		print_text(field->is_secret && text && *text ? "********" : text, buffer, bytes);
	else
		print_number(field, number_of(field, base), buffer, bytes);
}

void field_print_default(const struct field *field, char *buffer, size_t bytes)
{
	if (field->kind == FIELD_TEXT)
		print_text(field->default_text, buffer, bytes);
	else
		print_number(field, field->default_value, buffer, bytes);
}

bool field_is_equal(const struct field *field, const void *one, const void *other)
{
	if (field->kind == FIELD_TEXT)
		return text_is_same(text_of(field, one), text_of(field, other));
	return number_of(field, one) == number_of(field, other);
}

void field_copy(const struct field *field, void *to, const void *from)
{
	if (field->kind == FIELD_TEXT)
		set_text(field, to, text_of(field, from));
	else
		set_number(field, to, number_of(field, from));
}

void fields_set_default(const struct field *fields, size_t count, void *base)
{
	for (size_t i = 0; i < count; i++)
		set_default(&fields[i], base);
}

bool fields_are_equal(const struct field *fields, size_t count, const void *one, const void *other)
{
	for (size_t i = 0; i < count; i++) {
		if (!field_is_equal(&fields[i], one, other))
			return false;
	}
	return true;
}

void fields_release(const struct field *fields, size_t count, void *base)
{
	for (size_t i = 0; i < count; i++) {
		if (fields[i].kind == FIELD_TEXT)
			set_text(&fields[i], base, NULL);
	}
}
