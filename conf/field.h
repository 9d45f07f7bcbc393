/*
 * A field of a structure that has a text form: how it is read, shown, compared and copied. The
 * settings, and the keys of [databases], [users] and [peers] are arrays of these.
 *
 * Every function takes the structure that holds the field as `base`.
 */
#ifndef MILLPOND_CONF_FIELD_H
#define MILLPOND_CONF_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_kind { FIELD_TEXT, FIELD_COUNT, FIELD_OCTAL, FIELD_FLAG, FIELD_DURATION, FIELD_CHOICE };

/* A word that stands for a value of an enum; a list ends with a NULL name. */
struct choice {
	const char *name;
	int value;
};

extern const struct choice choices_pool_mode[];
extern const struct choice choices_load_balance[];
extern const struct choice choices_auth_method[];
extern const struct choice choices_tls_mode[];
extern const struct choice choices_syslog_facility[];

/* The word for the value; NULL: there is none. */
const char *choice_name(const struct choice *choices, int value);

struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
	const char *default_text;     /* of FIELD_TEXT; may be NULL */
	int64_t default_value;	      /* of the others; durations in microseconds */
	int min, max;		      /* of FIELD_COUNT and FIELD_OCTAL */
	bool is_decimal;	      /* a FIELD_COUNT in an entry: for PgBouncer 010 is ten there */
	int64_t clamped_up_to;	      /* PgBouncer takes as much; beyond `max`, that stands for it */
	const struct choice *choices; /* of FIELD_CHOICE */
	bool is_reloadable;
	bool is_secret; /* a text that is never shown, and wiped */
	bool is_inert; /* accepted and shown, and the help says what is done instead */
	bool is_nullable; /* its default is nothing at all, and so is a text that is empty */
	const char *help;
};

/* Room for the sentence of field_parse(). */
enum { FIELD_WHY_BYTES = 512 };

/*
 * Reads the field from its text, or says in `why` what is wrong, in words without the field's name. When
 * it was read, `why` is empty, or says what was taken for it.
 */
bool field_parse(const struct field *field, void *base, const char *text,
		 char why[FIELD_WHY_BYTES]);

/* Writes the text form; a text too long for the buffer ends with "...". */
void field_print(const struct field *field, const void *base, char *buffer, size_t bytes);
void field_print_default(const struct field *field, char *buffer, size_t bytes);

bool field_is_equal(const struct field *field, const void *one, const void *other);

/* Replaces the field by a copy of the other structure's. */
void field_copy(const struct field *field, void *to, const void *from);

/* Gives each field of an array its default; what it held before is not freed. */
void fields_set_default(const struct field *fields, size_t count, void *base);

/* Whether all fields of an array are equal. */
bool fields_are_equal(const struct field *fields, size_t count, const void *one, const void *other);

/* Frees what the fields of an array own. */
void fields_release(const struct field *fields, size_t count, void *base);

#endif
