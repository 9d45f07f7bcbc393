/*
 * What an SQL text does to prepared statements, found by parsing no more of it than must be.
 * Comments, quotes of all kinds and parentheses are known; what the words in between mean is not.
 * Source: PostgreSQL manual, "Lexical Structure", PREPARE, EXECUTE, DEALLOCATE, DISCARD, EXPLAIN,
 * CREATE TABLE AS, "Advisory Lock Functions".
 */
#ifndef MILLPOND_PROTOCOL_SQL_H
#define MILLPOND_PROTOCOL_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum sql_effect {
	SQL_NONE,
	SQL_PREPARE,
	SQL_EXECUTE, /* also inside EXPLAIN or CREATE TABLE AS */
	SQL_DEALLOCATE,
	SQL_DEALLOCATE_ALL, /* or DISCARD ALL */
};

/* PostgreSQL's identifiers are cut to this length (NAMEDATALEN - 1). */
#define SQL_NAME_BYTES 63

struct sql {
	enum sql_effect effect;
	size_t length;	  /* of the text, up to its zero */
	const char *name; /* of the statement that it is about, as it stands in the text */
	uint32_t name_length;
	bool has_escapes; /* ... of Unicode, see sql_name() */
};

/* How the quotes of a text with a backslash in it are read, which depends on settings of its client. */
enum sql_quotes {
	SQL_STANDARD_QUOTES, /* in E'' it is an escape */
	SQL_ESCAPED_QUOTES,  /* in '' as well: standard_conforming_strings = off */
	SQL_PLAIN_QUOTES,    /* it may be half of a character, as in SJIS */
	SQL_QUOTES,
};

/*
 * Looks at the statement that begins at `*text` and moves `*text` behind it. False: there are no more.
 */
bool sql_next(const char **text, const char *end, enum sql_quotes quotes, struct sql *sql);

/* How many of these ways, from the first on, a text has to be read in. */
static inline enum sql_quotes sql_readings(const char *text, size_t length)
{
	return memchr(text, '\\', length) != NULL ? SQL_QUOTES : SQL_STANDARD_QUOTES + 1;
}

/* Looks at the first statement of a text. */
void sql_look(struct sql *sql, const char *text, size_t length);

/* Whether it can stand in an unquoted name, behind its first byte. */
bool sql_continues_word(char c);

/* Whether one of the statements of a text is DEALLOCATE ALL or DISCARD ALL. */
bool sql_forgets_statements(const char *text);

/* Whether a text may be a SELECT INTO or CREATE TABLE AS, by its words. */
bool sql_may_make_table(const char *text, size_t length);

/* Whether a text calls a function that takes or gives back advisory locks of a session, by its name. */
bool sql_is_about_locks(const char *text, size_t length);

/*
 * Writes the name as PostgreSQL understands it: unquoted ones are folded, long ones cut. Answers its
 * length, or 0 for one that is not understood: with Unicode escapes, or not of ASCII. What bytes the latter
 * has on the server depends on the encodings of both sides, and how it is folded there on the locale.
 */
size_t sql_name(const struct sql *sql, char name[SQL_NAME_BYTES + 1]);
bool sql_name_is_ascii(const struct sql *sql);

/* Whether a text may begin with one of these commands, by its first letter: for the hot path. */
static inline bool sql_may_begin(const char *text, size_t length)
{
	if (length == 0)
		return false;
	switch (text[0] | 0x20) {
	case 'p':
	case 'e':
	case 'd':
	case 'c':
		return true;
	default: /* blanks and comments are looked at closely */
		return (unsigned char)text[0] <= ' ' || text[0] == '/' || text[0] == '-' ||
		       text[0] == ';';
	}
}

#endif
