#include "conf/pattern.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/array.h"
#include "conf/memory.h"

/*
 * How often something may be asked for, and how deep groups may lie. glibc writes what is counted out as often, and
 * takes minutes for many groups that may be empty.
 */
#define REPEATS_MOST	   255
#define GROUP_REPEATS_MOST 32
#define DEPTH_MOST	   16

/*
 * How many ways there are to divide a text among what matches it. With one quantifier over something of
 * a fixed length both take as much as they can; with more of them, or with alternatives, PostgreSQL
 * looks for the longest piece, and glibc takes the first one.
 */
enum freedom { NO_CHOICE, ONE_CHOICE, MANY_CHOICES };

struct reader {
	const char *at;
	char *to; /* the end of what has been translated */
	const char *why;
	int depth;
	int groups;
	int counts; /* quantifiers in braces */
	bool ends_here;	       /* the piece read last is a $ */
	bool is_repeated;      /* ... has a quantifier */
	bool group_is_certain; /* what the first group matches is the same in both */
};

/* The pieces of a branch outside of all groups: those around the first group, and this one. */
struct outline {
	enum freedom before, group, behind;
	bool has_group;
};

static enum freedom read_expression(struct reader *reader);

static enum freedom together(enum freedom one, enum freedom other)
{
	if (one == NO_CHOICE)
		return other;
	return other == NO_CHOICE ? one : MANY_CHOICES;
}

/* Nothing more is read then. */
static void refuse(struct reader *reader, const char *why)
{
	if (!reader->why)
		reader->why = why;
	reader->at = "";
}

static void put(struct reader *reader, const char *text)
{
	reader->to = stpcpy(reader->to, text);
}

/* Takes over the next letters as they are. */
static void keep(struct reader *reader, size_t count)
{
	memcpy(reader->to, reader->at, count);
	reader->to += count;
	reader->at += count;
}

/* --- letters ------------------------------------------------------------------------------ */

static const struct {
	char letter;
	const char *outside; /* of brackets */
	const char *inside;  /* NULL: not in all versions of PostgreSQL */
} escapes[] = {
	{'d', "[[:digit:]]", "[:digit:]"},   {'D', "[^[:digit:]]", NULL},
	{'s', "[[:space:]]", "[:space:]"},   {'S', "[^[:space:]]", NULL},
	{'w', "[[:alnum:]_]", "[:alnum:]_"}, {'W', "[^[:alnum:]_]", NULL},
};

/* Nothing becomes longer than this many times. */
#define GROWTH 7

static bool read_class_escape(struct reader *reader, bool is_inside)
{
	for (size_t i = 0; i < ARRAY_SIZE(escapes); i++) {
		const char *class = is_inside ? escapes[i].inside : escapes[i].outside;

		if (escapes[i].letter != reader->at[1] || !class)
			continue;
		put(reader, class);
		reader->at += 2;
		return true;
	}
	return false;
}

/* Those of glibc would be words' ends and the like; those of PostgreSQL are letters and digits. */
static bool is_plain_escape(char letter)
{
	return isascii(letter) && isprint((unsigned char)letter) &&
	       !isalnum((unsigned char)letter) && !strchr("`'<>", letter);
}

static void read_escape(struct reader *reader)
{
	if (read_class_escape(reader, false))
		return;
	if (is_plain_escape(reader->at[1]))
		keep(reader, 2);
	else
		refuse(reader, "of letters and the like, a backslash may stand in front of d, D, s, S, "
			       "w and W");
}

/* --- brackets ----------------------------------------------------------------------------- */

/* Not cntrl, which has more letters in PostgreSQL. */
static bool read_class(struct reader *reader)
{
	static const char *const classes[] = {
		"[:alnum:]", "[:alpha:]", "[:blank:]", "[:digit:]", "[:graph:]", "[:lower:]",
		"[:print:]", "[:punct:]", "[:space:]", "[:upper:]", "[:xdigit:]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (strncmp(reader->at, classes[i], strlen(classes[i])) != 0)
			continue;
		keep(reader, strlen(classes[i]));
		return true;
	}
	return false;
}

static bool is_range_end(char letter)
{
	return isascii(letter) && isprint((unsigned char)letter) && !strchr("[]\\-", letter);
}

static void read_range(struct reader *reader)
{
	const char *at = reader->at;

	if (is_range_end(at[0]) && is_range_end(at[2]) && at[0] <= at[2])
		keep(reader, 3);
	else
		refuse(reader, "there is a - in brackets that is no range and neither first nor last");
}

/* To POSIX a backslash is one itself there, but it has another way to write a single letter. */
static void read_escape_inside(struct reader *reader)
{
	char single[] = "[.x.]";

	if (read_class_escape(reader, true))
		return;
	if (!is_plain_escape(reader->at[1])) {
		refuse(reader, "of letters and the like, a backslash in brackets may stand in "
			       "front of d, s and w");
		return;
	}
	single[2] = reader->at[1];
	put(reader, single);
	reader->at += 2;
}

static void read_member(struct reader *reader, bool is_first)
{
	const char *at = reader->at;

	if (at[0] == '\0')
		refuse(reader, "a bracket is not closed");
	else if (at[0] == '\\')
		read_escape_inside(reader);
	else if (at[0] == '[' && !read_class(reader))
		refuse(reader, "in brackets, a [ may only begin a class such as [:alpha:]");
	else if (!isascii(at[0]))
		refuse(reader, "there is a letter in brackets that is not of ASCII");
	else if (at[0] == '[')
		return;
	else if (at[0] == '-' && (is_first || at[1] == ']'))
		keep(reader, 1);
	else if (at[0] == '-' || (at[1] == '-' && at[2] != ']'))
		read_range(reader);
	else
		keep(reader, 1);
}

static void read_bracket(struct reader *reader)
{
	keep(reader, reader->at[1] == '^' ? 2 : 1);
	read_member(reader, true);
	while (!reader->why && *reader->at != ']')
		read_member(reader, false);
	if (!reader->why)
		keep(reader, 1);
}

/* --- pieces: something, and how often ----------------------------------------------------- */

static bool is_quantifier(char letter)
{
	return letter != '\0' && strchr("*+?{", letter) != NULL;
}

/* Returns the end of a number that may stand in braces, or NULL. */
static const char *read_count(const char *at, unsigned long most, unsigned long *count)
{
	char *end;

	if (!isdigit((unsigned char)*at))
		return NULL;
	*count = strtoul(at, &end, 10);
	return *count <= most ? end : NULL;
}

/* Braces with one number or two. */
static void read_counts(struct reader *reader, unsigned long limit, bool *is_exact)
{
	unsigned long least = 0, most = limit;
	const char *end = read_count(reader->at + 1, limit, &least);

	*is_exact = end && *end == '}';
	if (*is_exact)
		most = least;
	else if (end && *end == ',' && *++end != '}')
		end = read_count(end, limit, &most);
	if (end && *end == '}' && least <= most && most > 0)
		keep(reader, (size_t)(end + 1 - reader->at));
	else
		refuse(reader, "braces must hold one number or two, from 1 to 255, behind a group to 32");
	reader->counts++;
}

/* Returns how free the piece is that `inner` makes with the quantifier behind it, if there is one. */
static enum freedom read_quantifier(struct reader *reader, enum freedom inner,
				    unsigned long count_limit)
{
	bool is_exact = false;

	reader->is_repeated = is_quantifier(*reader->at);
	if (!reader->is_repeated)
		return inner;
	if (*reader->at == '{' && count_limit == 0)
		refuse(reader, "braces stand behind a group with braces in it");
	else if (*reader->at == '{')
		read_counts(reader, count_limit, &is_exact);
	else
		keep(reader, 1);
	if (is_quantifier(*reader->at))
		refuse(reader, "a quantifier stands behind a quantifier");
	if (inner != NO_CHOICE)
		return MANY_CHOICES;
	return is_exact ? NO_CHOICE : ONE_CHOICE;
}

static enum freedom read_group(struct reader *reader)
{
	enum freedom freedom;

	if (reader->depth == DEPTH_MOST) {
		refuse(reader, "groups are nested too deeply");
		return MANY_CHOICES;
	}
	keep(reader, 1);
	reader->groups++;
	reader->depth++;
	freedom = read_expression(reader);
	reader->depth--;
	if (*reader->at == ')')
		keep(reader, 1);
	else
		refuse(reader, "a group is not closed");
	return freedom;
}

/* Anchors stand at the ends of all or of an alternative, where both have them. */
static void read_anchor(struct reader *reader, bool is_first)
{
	char next = reader->at[1];

	reader->ends_here = *reader->at == '$';
	if (reader->depth > 0 || (*reader->at == '^' && !is_first) ||
	    (*reader->at == '$' && next != '\0' && next != '|'))
		refuse(reader, "^ and $ must stand at the beginning and at the end");
	else if (is_quantifier(next))
		refuse(reader, "a quantifier has nothing in front of it");
	else
		keep(reader, 1);
}

static enum freedom read_piece(struct reader *reader, bool is_first)
{
	enum freedom freedom = NO_CHOICE;
	char letter = *reader->at;
	int counts = reader->counts;

	reader->ends_here = false;
	if (letter == '^' || letter == '$') {
		read_anchor(reader, is_first);
		return NO_CHOICE;
	}
	if (is_quantifier(letter))
		refuse(reader, "a quantifier has nothing in front of it");
	else if (letter == '(')
		freedom = read_group(reader);
	else if (letter == '[')
		read_bracket(reader);
	else if (letter == '\\')
		read_escape(reader);
	else
		keep(reader, 1);
	if (letter != '(')
		return read_quantifier(reader, freedom, REPEATS_MOST);
	return read_quantifier(reader, freedom, reader->counts > counts ? 0 : GROUP_REPEATS_MOST);
}

/* --- the whole ---------------------------------------------------------------------------- */

static bool is_certain(const struct reader *reader, const struct outline *outline)
{
	bool ends_are_certain = outline->behind == NO_CHOICE && reader->ends_here;

	return outline->before != MANY_CHOICES &&
	       (outline->group != MANY_CHOICES || ends_are_certain);
}

static void note_piece(struct outline *outline, enum freedom freedom, bool holds_group,
		       bool is_repeated)
{
	if (holds_group) {
		outline->has_group = true;
		outline->group = freedom;
		outline->before = is_repeated ? MANY_CHOICES : outline->before;
	} else if (outline->has_group) {
		outline->behind = together(outline->behind, freedom);
	} else {
		outline->before = together(outline->before, freedom);
	}
}

static enum freedom read_branch(struct reader *reader)
{
	const char *start = reader->at;
	enum freedom freedom = NO_CHOICE;
	struct outline outline = {0};

	while (*reader->at != '\0' && *reader->at != '|' && *reader->at != ')') {
		bool holds_group = reader->groups == 0 && *reader->at == '(';
		enum freedom piece = read_piece(reader, reader->at == start);

		note_piece(&outline, piece, holds_group, reader->is_repeated);
		freedom = together(freedom, piece);
	}
	if (reader->at == start)
		refuse(reader, "an alternative is empty");
	if (reader->depth == 0 && outline.has_group)
		reader->group_is_certain = is_certain(reader, &outline);
	return freedom;
}

static enum freedom read_expression(struct reader *reader)
{
	enum freedom freedom = read_branch(reader);

	while (*reader->at == '|') {
		keep(reader, 1);
		read_branch(reader);
		freedom = MANY_CHOICES;
		/* Either may take another one of two that fit. */
		if (reader->depth == 0)
			reader->group_is_certain = reader->groups == 0;
	}
	return freedom;
}

static const char *translate(char *to, const char *text, bool asks_for_group)
{
	struct reader reader = {.at = text, .to = to, .group_is_certain = true};

	read_expression(&reader);
	if (*reader.at == ')')
		refuse(&reader, "a group is closed that was not opened");
	if (asks_for_group && !reader.group_is_certain)
		refuse(&reader, "what \\1 stands for depends on more than one choice");
	*reader.to = '\0';
	return reader.why;
}

bool pattern_compile(regex_t *pattern, const char *text, bool asks_for_group,
		     char why[PATTERN_WHY_BYTES])
{
	char *translated = memory_zeroed(strlen(text) * GROWTH + 1);
	const char *wrong = translate(translated, text, asks_for_group);
	int failure;

	if (wrong) {
		snprintf(why, PATTERN_WHY_BYTES, "%s", wrong);
	} else {
		failure = regcomp(pattern, translated, REG_EXTENDED);
		if (failure != 0)
			regerror(failure, pattern, why, PATTERN_WHY_BYTES);
		wrong = failure == 0 ? NULL : why;
	}
	free(translated);
	return !wrong;
}
