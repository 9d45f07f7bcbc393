/*
 * inih splits lines into sections, keys and values, and has opinions of its own while it does:
 * depending on its version and on how it was built, ` ;` ends a value, `:` ends a key, an indented
 * line continues the one before, and lines are cut. So each line is brought into a form about which
 * no inih has an opinion: no blanks around, and every byte that might mean something as %XX. What
 * comes back is decoded. What remains is the length of lines, where each pair that inih was given
 * is compared with what it made of it.
 */
#include "conf/ini.h"

#include <ctype.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "conf/memory.h"
#include "conf/source.h"

/*
 * Debian's inih is set at run time by these; upstream's when it is compiled, and then they do not
 * exist. Weak, so that the same program works with either.
 */
extern bool ini_use_stack __attribute__((weak));
extern bool ini_allow_realloc __attribute__((weak));
extern bool ini_stop_on_first_error __attribute__((weak));
extern int ini_max_line __attribute__((weak));
extern int ini_initial_alloc __attribute__((weak));

/* Each byte as %XX, and some punctuation. */
#define ENCODED_BYTES(bytes) (3 * (bytes) + 8)

struct ini_reader_state {
	struct source source;
	void (*handle)(void *context, const struct ini_entry *entry);
	void *context;
	struct fault_list *faults;

	char *line; /* encoded, for inih; ends with a newline */
	size_t capacity;
	size_t length;
	size_t given; /* how much of it inih has taken */

	/* Of the pair that inih was given last: the encoded value's length, and whether it came back. */
	size_t value_length;
	bool is_owed;
};

/* Only the innermost file's line is meant: inih reads no line before it has handled the last. */
#define LINE_FAULT(state, ...)                                         \
	fault_add((state)->faults, source_file_name(&(state)->source), \
		  source_line(&(state)->source), __VA_ARGS__)

static void put(struct ini_reader_state *state, char byte)
{
	state->line[state->length++] = byte;
}

static void put_encoded(struct ini_reader_state *state, const char *text, size_t length)
{
	static const char digits[] = "0123456789ABCDEF";
	static const char plain[] = "_.-/,'\"()@*+";

	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (isalnum(byte) || (byte && strchr(plain, byte))) {
			put(state, (char)byte);
		} else {
			put(state, '%');
			put(state, digits[byte >> 4]);
			put(state, digits[byte & 15]);
		}
	}
}

static int digit_value(char digit)
{
	return digit <= '9' ? digit - '0' : digit - 'A' + 10;
}

static char *decoded(const char *text)
{
	char *copy = text_copy(text), *to = copy;

	while (*text) {
		if (*text == '%' && text[1] && text[2]) {
			*to++ = (char)(digit_value(text[1]) * 16 + digit_value(text[2]));
			text += 3;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
	return copy;
}

static char *skip_blanks(char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return text;
}

static void read_header(struct ini_reader_state *state, char *line)
{
	char *name = line + 1, *end = strchr(name, ']'), *rest;

	/* What stands below a header that cannot be read belongs to no section that is known. */
	if (!end || end == name) {
		LINE_FAULT(state, end ? "a section without a name"
				      : "a section's name must end with \"]\"");
		name = "?";
		end = name + 1;
	} else {
		rest = skip_blanks(end + 1);
		if (*rest && *rest != ';' && *rest != '#')
			LINE_FAULT(state, "nothing may follow the section's name on its line");
		*end = '\0';
		state->handle(state->context,
			      &(struct ini_entry){.file = source_file_name(&state->source),
						  .line = source_line(&state->source),
						  .section = name});
	}
	put(state, '[');
	put_encoded(state, name, (size_t)(end - name));
	put(state, ']');
	put(state, '\n');
}

/* Unquotes the key at `text` in place; returns what follows it, or NULL if its quote does not end. */
static char *read_quoted_key(char *text, size_t *length)
{
	char quote = *text, *from = text + 1, *to = text;

	while (*from && (*from != quote || from[1] == quote)) {
		if (*from == quote)
			from++;
		*to++ = *from++;
	}
	*length = (size_t)(to - text);
	return *from ? from + 1 : NULL;
}

static char *read_plain_key(char *text, size_t *length)
{
	char *end = text + strcspn(text, "="), *rest = end;

	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	*length = (size_t)(end - text);
	return rest;
}

static void read_pair(struct ini_reader_state *state, char *line)
{
	bool is_quoted = *line == '\'' || *line == '"';
	size_t key_length;
	char *rest;

	rest = is_quoted ? read_quoted_key(line, &key_length) : read_plain_key(line, &key_length);
	if (!rest) {
		LINE_FAULT(state, "the quote of the key does not end");
		return;
	}
	rest = skip_blanks(rest);
	if (*rest != '=') {
		LINE_FAULT(state,
			   "a line must be \"key = value\", \"[section]\", "
			   "\"%%include FILE\" or a comment; there is no \"=\"%s",
			   is_quoted ? " after the key" : "");
		return;
	}
	if (key_length == 0) {
		LINE_FAULT(state, "there is no key before the \"=\"");
		return;
	}
	rest = skip_blanks(rest + 1);
	put_encoded(state, line, key_length);
	put(state, '=');
	state->value_length = state->length;
	put_encoded(state, rest, strlen(rest));
	state->value_length = state->length - state->value_length;
	state->is_owed = true;
	put(state, '\n');
}

static void read_directive(struct ini_reader_state *state, char *line)
{
	static const char include[] = "%include";
	size_t length = sizeof(include) - 1;
	char *path = skip_blanks(line + strcspn(line, " \t"));

	if (strncmp(line, include, length) != 0 ||
	    (line[length] && !isspace((unsigned char)line[length])))
		LINE_FAULT(state, "\"%.*s\" is not known; only %%include is",
			   (int)strcspn(line, " \t"), line);
	else if (!*path)
		LINE_FAULT(state, "%%include must be followed by the name of a file");
	else
		source_include(&state->source, path);
}

/* Did inih make of the last pair what it should? */
static void check_last_pair(struct ini_reader_state *state)
{
	if (state->is_owed)
		LINE_FAULT(state,
			   "the inih library of this system cannot take a line of %zu bytes; "
			   "it must be built with a larger INI_MAX_LINE",
			   state->length);
	state->is_owed = false;
}

static void wipe_line(struct ini_reader_state *state)
{
	if (state->line)
		explicit_bzero(state->line, state->capacity);
	free(state->line);
}

/* Makes sure that a line has room in its encoded form. */
static void make_room(struct ini_reader_state *state, const char *line)
{
	size_t wanted = ENCODED_BYTES(strlen(line));

	if (wanted <= state->capacity)
		return;
	wipe_line(state);
	state->capacity = wanted * 2;
	state->line = memory_zeroed(state->capacity);
}

/* Puts the next line that is for inih into state->line; false: there is none. */
static bool next_line(struct ini_reader_state *state)
{
	char *line;

	check_last_pair(state);
	state->length = state->given = 0;
	while (state->length == 0) {
		line = source_next_line(&state->source);
		if (!line)
			return false;
		make_room(state, line);
		if (*line == '[')
			read_header(state, line);
		else if (*line == '%')
			read_directive(state, line);
		else if (*line && *line != ';' && *line != '#')
			read_pair(state, line);
	}
	return true;
}

/* As fgets() would: at most size - 1 bytes, up to and with the newline. */
static char *give_to_inih(char *buffer, int size, void *stream)
{
	struct ini_reader_state *state = stream;
	size_t part;

	if (state->given == state->length && !next_line(state)) {
		/* Its line may have had a password in it. */
		explicit_bzero(buffer, (size_t)size);
		return NULL;
	}
	part = state->length - state->given;
	if (part > (size_t)size - 1)
		part = (size_t)size - 1;
	memcpy(buffer, state->line + state->given, part);
	buffer[part] = '\0';
	state->given += part;
	return buffer;
}

static int take_from_inih(void *user, const char *section, const char *name, const char *value
#if INI_HANDLER_LINENO
			  ,
			  int line
#endif
)
{
	struct ini_reader_state *state = user;
	struct ini_entry entry = {
		.file = source_file_name(&state->source),
		.line = source_line(&state->source),
	};
	char *plain_section, *plain_key, *plain_value;

#if INI_HANDLER_LINENO
	(void)line;
#endif
	/* Otherwise it is a section's header, or a piece of a line that inih cut. */
	if (!name || !value || !state->is_owed || strlen(value) != state->value_length)
		return 1;
	state->is_owed = false;
	entry.section = plain_section = decoded(section);
	entry.key = plain_key = decoded(name);
	entry.value = plain_value = decoded(value);
	state->handle(state->context, &entry);
	free(plain_section);
	free(plain_key);
	text_wipe(plain_value);
	return 1;
}

static void set_up_inih(void)
{
	if (&ini_use_stack)
		ini_use_stack = false;
	if (&ini_allow_realloc)
		ini_allow_realloc = true;
	if (&ini_stop_on_first_error)
		ini_stop_on_first_error = false;
	if (&ini_max_line)
		ini_max_line = ENCODED_BYTES(INI_LINE_BYTES) + 8;
	if (&ini_initial_alloc)
		ini_initial_alloc = 16 * 1024;
}

bool ini_read(const char *path, void (*handle)(void *context, const struct ini_entry *entry),
	      void *context, struct fault_list *faults)
{
	struct ini_reader_state state = {
		.handle = handle,
		.context = context,
		.faults = faults,
	};
	const char *wrong;

	wrong = source_open(&state.source, path, faults);
	if (wrong) {
		fault_add(faults, path, 0, "cannot be read: %s", wrong);
		return false;
	}
	set_up_inih();
	if (ini_parse_stream(give_to_inih, &state, take_from_inih, &state) < 0)
		fault_add(faults, path, 0, "out of memory");
	wipe_line(&state);
	source_release(&state.source);
	return true;
}
