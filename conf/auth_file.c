#include "conf/auth_file.h"

#include <stdlib.h>
#include <string.h>

#include "conf/memory.h"
#include "conf/sort.h"
#include "conf/source.h"

#define SCRAM_PREFIX "SCRAM-SHA-256$"
#define MD5_PREFIX "md5"
#define MD5_LENGTH ((size_t)35)

/* --- reading ------------------------------------------------------------------------------ */

/*
 * Takes a quoted text off the front of `*line`, unquoted in place; NULL: there is none. The line goes
 * on behind the closing quote.
 */
static char *take_quoted(char **line)
{
	char *quote = strchr(*line, '"');
	char *text = quote ? quote + 1 : NULL, *to = text;

	for (char *from = text; from && *from; from++) {
		if (*from == '"' && from[1] != '"') {
			*to = '\0';
			*line = from + 1;
			return text;
		}
		from += *from == '"';
		*to++ = *from;
	}
	return NULL;
}

static void read_line(struct auth_users *users, char *line, const struct source *source,
		      struct fault_list *faults)
{
	const char *name = NULL, *secret = NULL;

	if (!*line || *line == ';')
		return;
	if (*line == '"')
		name = take_quoted(&line);
	if (name)
		secret = take_quoted(&line);
	if (!secret || !*name) {
		fault_add(faults, source_file_name(source), source_line(source),
			  "this is no user: expected \"name\" \"secret\"");
		return;
	}
	users->users = memory_grow(users->users, users->count, sizeof(*users->users));
	users->users[users->count++] = (struct auth_user){
		.name = text_copy(name), .secret = text_copy(secret), .line = source_line(source)};
}

/* --- order -------------------------------------------------------------------------------- */

_Static_assert(offsetof(struct auth_user, name) == 0, "users are sorted by what stands first in them");

static void user_release(struct auth_user *user)
{
	free(user->name);
	text_wipe(user->secret);
	free(user->earlier_lines);
}

static void user_drop(void *item, void *next)
{
	struct auth_user *user = item, *next_user = next;

	next_user->earlier_lines =
		memory_grow(user->earlier_lines, user->earlier_count, sizeof(*user->earlier_lines));
	next_user->earlier_lines[user->earlier_count] = user->line;
	next_user->earlier_count = user->earlier_count + 1;
	user->earlier_lines = NULL;
	user_release(user);
}

static void sort(struct auth_users *users)
{
	users->users = sort_by_name(users->users, &users->count, sizeof(*users->users), user_drop);
}

/* --- kinds of secrets --------------------------------------------------------------------- */

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool looks_plain(const char *secret)
{
	return *secret && !(begins_with(secret, MD5_PREFIX) && strlen(secret) == MD5_LENGTH);
}

static int compare_number(const void *one, const void *other)
{
	uint32_t first = *(const uint32_t *)one, second = *(const uint32_t *)other;

	return (first > second) - (first < second);
}

static void count_kinds(struct auth_users *users)
{
	uint32_t *iterations = memory_zeroed(users->count * sizeof(*iterations));

	for (size_t i = 0; i < users->count; i++) {
		const char *secret = users->users[i].secret;
		if (begins_with(secret, SCRAM_PREFIX))
			iterations[users->scram_count++] =
				(uint32_t)strtoul(secret + strlen(SCRAM_PREFIX), NULL, 10);
		else
			users->plain_count += looks_plain(secret);
	}
	qsort(iterations, users->scram_count, sizeof(*iterations), compare_number);
	if (users->scram_count)
		users->scram_iterations = iterations[(users->scram_count - 1) / 2];
	free(iterations);
}

/* --- the file ----------------------------------------------------------------------------- */

const char *auth_users_read(struct auth_users *users, const char *path, struct fault_list *faults)
{
	struct source source;
	const char *wrong = source_open(&source, path, faults);
	char *line;

	*users = (struct auth_users){.path = text_copy(path)};
	if (!wrong) {
		while ((line = source_next_line(&source)))
			read_line(users, line, &source, faults);
		sort(users);
		count_kinds(users);
	}
	source_release(&source);
	return wrong;
}

/* --- using -------------------------------------------------------------------------------- */

const char *auth_users_find(const struct auth_users *users, const char *name)
{
	const struct auth_user *user =
		find_by_name(name, users->users, users->count, sizeof(*users->users));

	return user ? user->secret : NULL;
}

bool auth_users_are_equal(const struct auth_users *one, const struct auth_users *other)
{
	if (one->count != other->count)
		return false;
	for (size_t i = 0; i < one->count; i++) {
		if (strcmp(one->users[i].name, other->users[i].name) != 0 ||
		    strcmp(one->users[i].secret, other->users[i].secret) != 0)
			return false;
	}
	return true;
}

void auth_users_release(struct auth_users *users)
{
	for (size_t i = 0; i < users->count; i++)
		user_release(&users->users[i]);
	free(users->users);
	free(users->path);
	*users = (struct auth_users){0};
}
