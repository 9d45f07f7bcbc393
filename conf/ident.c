#include "conf/ident.h"

#include <stdlib.h>
#include <string.h>

#include "conf/memory.h"
#include "conf/pattern.h"
#include "conf/source.h"

/* --- reading ------------------------------------------------------------------------------ */

/* The three fields, each of one word, which may stand in a file of its own; false: there is a fault. */
static bool read_fields(const char *line, struct word_list fields[3], const struct source *source,
			struct fault_list *faults)
{
	const char *wrong = NULL;
	size_t count = 0, before = faults->count;

	while (count < 3 && words_next(&line, &fields[count], &wrong))
		words_expand(&fields[count++], source_file_name(source), source_line(source), faults);
	bool good = count == 3;
	for (size_t i = 0; i < count; i++)
		good = good && fields[i].count == 1;
	if (!good && faults->count == before)
		fault_add(faults, source_file_name(source), source_line(source), "%s",
			  wrong ? wrong : "expected MAP SYSTEM-USER DATABASE-USER");
	return good;
}

/* A system user that begins with a slash is a regular expression. */
static bool compile(struct ident_line *line, const struct source *source,
		    struct fault_list *faults)
{
	char why[PATTERN_WHY_BYTES];

	line->is_pattern = pattern_compile(&line->pattern, line->system_user,
					   strstr(line->user.text, "\\1") != NULL, why);
	if (!line->is_pattern)
		fault_add(faults, source_file_name(source), source_line(source),
			  "\"/%.80s\" is not a regular expression that is supported: %s",
			  line->system_user, why);
	return line->is_pattern;
}

/* In the words of PostgreSQL, which says it when somebody comes. */
static void check_group(const struct ident_line *line, const struct source *source,
			struct fault_list *faults)
{
	if (line->pattern.re_nsub == 0 && strstr(line->user.text, "\\1"))
		fault_add(faults, source_file_name(source), source_line(source),
			  "regular expression \"%.80s\" has no subexpressions as requested by "
			  "backreference in \"%.80s\"",
			  line->system_user, line->user.text);
}

static void read_line(struct hba *hba, const char *text, const struct source *source,
		      struct fault_list *faults)
{
	struct word_list fields[3] = {0};

	if (!*text || *text == '#')
		return;
	if (read_fields(text, fields, source, faults)) {
		const struct word *system_user = &fields[1].words[0];
		const struct word *user = &fields[2].words[0];
		bool is_pattern = system_user->text[0] == '/';
		struct ident_line *line;

		hba->idents = memory_grow(hba->idents, hba->ident_count, sizeof(*hba->idents));
		line = &hba->idents[hba->ident_count++];
		*line = (struct ident_line){
			.map = text_copy(fields[0].words[0].text),
			.system_user = text_copy(system_user->text + is_pattern),
			.user = {text_copy(user->text), user->is_quoted},
		};
		if (is_pattern && compile(line, source, faults))
			check_group(line, source, faults);
	}
	for (size_t i = 0; i < 3; i++)
		words_release(&fields[i]);
}

const char *ident_read(struct hba *hba, const char *path, struct fault_list *faults)
{
	struct source source;
	const char *wrong = source_open(&source, path, faults), *line;

	if (!wrong) {
		while ((line = source_next_record(&source)))
			read_line(hba, line, &source, faults);
	}
	source_release(&source);
	return wrong;
}

void ident_release(struct hba *hba)
{
	for (size_t i = 0; i < hba->ident_count; i++) {
		struct ident_line *line = &hba->idents[i];

		if (line->is_pattern)
			regfree(&line->pattern);
		free(line->map);
		free(line->system_user);
		free(line->user.text);
	}
	free(hba->idents);
}

/* --- asking ------------------------------------------------------------------------------- */

/*
 * Whether that is the user's name, with what the first group has matched of the system's name in the place
 * of \1. A group that took no part makes nobody's name.
 */
static bool is_substituted(const char *name, const char *system_user, const regmatch_t *group,
			   const char *user)
{
	const char *place = strstr(name, "\\1");

	if (!place)
		return strcmp(name, user) == 0;
	if (group->rm_so < 0)
		return false;
	size_t before = (size_t)(place - name);
	size_t length = (size_t)(group->rm_eo - group->rm_so);
	const char *matched = system_user + group->rm_so;
	return strncmp(name, user, before) == 0 && strncmp(matched, user + before, length) == 0 &&
	       strcmp(place + 2, user + before + length) == 0;
}

static bool line_allows(const struct ident_line *line, const char *system_user, const char *user)
{
	bool is_anybody = word_is_keyword(&line->user, "all");
	regmatch_t groups[2];

	if (!line->is_pattern)
		return strcmp(line->system_user, system_user) == 0 &&
		       (is_anybody || strcmp(line->user.text, user) == 0);
	return regexec(&line->pattern, system_user, 2, groups, 0) == 0 &&
	       (is_anybody || is_substituted(line->user.text, system_user, &groups[1], user));
}

bool hba_ident_allows(const struct hba *hba, const char *map, const char *system_user,
		      const char *user)
{
	if (!map || !*map)
		return strcmp(system_user, user) == 0;
	for (size_t i = 0; i < hba->ident_count; i++) {
		if (strcmp(hba->idents[i].map, map) == 0 &&
		    line_allows(&hba->idents[i], system_user, user))
			return true;
	}
	return false;
}
