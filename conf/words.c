#include "conf/words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/memory.h"
#include "conf/source.h"

/* How deep files may name files, as in PostgreSQL. */
#define DEPTH_MOST 10

static bool is_blank(char letter)
{
	return letter != '\0' && strchr(RECORD_BLANKS, letter) != NULL;
}

/* Takes ownership of the text. */
static void append(struct word_list *list, char *text, bool is_quoted)
{
	list->words = memory_grow(list->words, list->count, sizeof(*list->words));
	list->words[list->count++] = (struct word){text, is_quoted};
}

/* One word up to a blank, a comma or a comment outside of quotes. False: a quote is not closed. */
static bool take_word(const char **line, struct word_list *list)
{
	const char *from = *line;
	char *text = memory_zeroed(strlen(from) + 1), *to = text;
	bool is_quoted = *from == '"', inside = false;

	for (; *from && (inside || (!is_blank(*from) && *from != ',' && *from != '#')); from++) {
		if (*from != '"')
			*to++ = *from;
		else if (inside && from[1] == '"')
			*to++ = *++from;
		else
			inside = !inside;
	}
	*line = from;
	if (*text || is_quoted)
		append(list, text, is_quoted);
	else
		free(text);
	return !inside;
}

bool words_next(const char **line, struct word_list *list, const char **wrong)
{
	const char *at = *line;
	bool goes_on;

	*list = (struct word_list){0};
	*wrong = NULL;
	at += strspn(at, RECORD_BLANKS);
	if (!*at || *at == '#')
		return false;
	do {
		if (!take_word(&at, list)) {
			*wrong = "a quote is not closed";
			words_release(list);
			return false;
		}
		goes_on = *at == ',';
		if (goes_on)
			at++;
		/* A comma at the end of a word goes on behind blanks. */
		while (goes_on && is_blank(*at))
			at++;
	} while (goes_on && *at && *at != '#');
	*line = at;
	return true;
}

static const char *skip_space(const char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

char *words_loosen(const char *line)
{
	char *text = memory_zeroed(strlen(line) + 1), *to = text;
	bool inside = false;

	for (; *line; line++) {
		if (*line == '"')
			inside = !inside;
		bool is_space = !inside && isspace((unsigned char)*line);
		if (!is_space || *skip_space(line) != ',')
			*to++ = is_space ? ' ' : *line;
	}
	return text;
}

/* --- files of words ----------------------------------------------------------------------- */

struct place {
	const char *file;
	int line;
	int depth;
	struct fault_list *faults;
};

static void expand_into(struct word_list *to, struct word_list *from, const struct place *place);

static void read_words(struct word_list *list, struct source *source, const struct place *place)
{
	struct word_list field;
	const char *line, *wrong;

	while ((line = source_next_record(source))) {
		struct place inner = {source_file_name(source), source_line(source),
				      place->depth + 1, place->faults};
		while (words_next(&line, &field, &wrong))
			expand_into(list, &field, &inner);
		if (wrong)
			fault_add(inner.faults, inner.file, inner.line, "%s", wrong);
	}
}

static void include(struct word_list *list, const char *name, const struct place *place)
{
	const char *slash = strrchr(place->file, '/');
	struct source source;
	const char *wrong;
	char *path;

	if (place->depth == DEPTH_MOST) {
		fault_add(place->faults, place->file, place->line,
			  "\"@%.80s\": files are nested too deeply", name);
		return;
	}
	path = *name == '/' || !slash ?
		       text_copy(name) :
		       text_format("%.*s/%s", (int)(slash - place->file), place->file, name);
	wrong = source_open(&source, path, place->faults);
	if (wrong)
		fault_add(place->faults, place->file, place->line, "cannot read \"%s\": %s", path, wrong);
	else
		read_words(list, &source, place);
	source_release(&source);
	free(path);
}

/* Takes all words of `from`, which is released. */
static void expand_into(struct word_list *to, struct word_list *from, const struct place *place)
{
	for (size_t i = 0; i < from->count; i++) {
		struct word *word = &from->words[i];

		if (word->is_quoted || word->text[0] != '@' || !word->text[1]) {
			append(to, word->text, word->is_quoted);
			continue;
		}
		include(to, word->text + 1, place);
		free(word->text);
	}
	free(from->words);
	*from = (struct word_list){0};
}

void words_expand(struct word_list *list, const char *including, int line,
		  struct fault_list *faults)
{
	struct place place = {including, line, 0, faults};
	struct word_list expanded = {0};

	expand_into(&expanded, list, &place);
	*list = expanded;
}

/* --- looking ------------------------------------------------------------------------------ */

bool word_is_keyword(const struct word *word, const char *keyword)
{
	return !word->is_quoted && strcmp(word->text, keyword) == 0;
}

bool word_is_equal(const struct word *one, const struct word *other)
{
	return one->is_quoted == other->is_quoted && strcmp(one->text, other->text) == 0;
}

bool words_have(const struct word_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->words[i].text, name) == 0)
			return true;
	}
	return false;
}

bool words_have_keyword(const struct word_list *list, const char *keyword)
{
	for (size_t i = 0; i < list->count; i++) {
		if (word_is_keyword(&list->words[i], keyword))
			return true;
	}
	return false;
}

bool words_are_equal(const struct word_list *one, const struct word_list *other)
{
	if (one->count != other->count)
		return false;
	for (size_t i = 0; i < one->count; i++) {
		if (!word_is_equal(&one->words[i], &other->words[i]))
			return false;
	}
	return true;
}

void words_print(const struct word_list *list, char *buffer, size_t bytes)
{
	size_t length = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < list->count && length < bytes; i++) {
		const char *quote = list->words[i].is_quoted ? "\"" : "";
		length += (size_t)snprintf(buffer + length, bytes - length, "%s%s%s%s",
					   i ? "," : "", quote, list->words[i].text, quote);
	}
}

void words_release(struct word_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->words[i].text);
	free(list->words);
	*list = (struct word_list){0};
}
