#include "conf/source.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/memory.h"

const char *source_file_name(const struct source *source)
{
	return source->files[source->depth - 1].name;
}

int source_line(const struct source *source)
{
	return source->files[source->depth - 1].line;
}

/* A relative path is looked for beside the including file when it is not in the working directory. */
static char *beside(const char *including, const char *path)
{
	const char *slash = strrchr(including, '/');

	if (path[0] == '/' || !slash)
		return NULL;
	return text_format("%.*s%s", (int)(slash - including + 1), including, path);
}

char *source_find(const char *path, const char *including)
{
	char *other_path = access(path, F_OK) < 0 ? beside(including, path) : NULL;

	if (other_path && access(other_path, F_OK) == 0)
		return other_path;
	free(other_path);
	return text_copy(path);
}

/* There may have been passwords in it. */
static void wipe(char *text, size_t length)
{
	if (text)
		explicit_bzero(text, length);
	free(text);
}

static void file_release(struct source_file *file)
{
	free(file->name);
	wipe(file->text, (size_t)(file->end - file->text));
	*file = (struct source_file){0};
}

/* The text in a larger block; NULL without memory, and it is gone. */
static char *move_to_larger(char *text, size_t length, size_t capacity)
{
	char *larger = malloc(capacity + 1);

	if (larger && text)
		memcpy(larger, text, length);
	wipe(text, length);
	return larger;
}

/* Reads all there is, and puts a zero behind it; NULL with errno if that cannot be done. */
static char *read_all(int descriptor, size_t *length)
{
	size_t capacity = 16 * 1024, used = 0;
	char *text = NULL;
	ssize_t got;

	do {
		if (!text || used == capacity) {
			capacity *= 2;
			text = move_to_larger(text, used, capacity);
			if (!text)
				return NULL;
		}
		got = read(descriptor, text + used, capacity - used);
		if (got < 0 && errno != EINTR)
			goto failed;
		used += got > 0 ? (size_t)got : 0;
		errno = EFBIG;
		if (used > INI_FILE_BYTES)
			goto failed;
	} while (got != 0);
	text[used] = '\0';
	*length = used;
	return text;

failed:
	wipe(text, used);
	return NULL;
}

/* What is wrong with a file that is to be read as a configuration; NULL: nothing. */
static const char *kind_fault(const struct stat *status)
{
	if (S_ISDIR(status->st_mode))
		return "is a directory";
	/* A pipe is fine, such as a shell's <(...); a device might never end. */
	if (!S_ISREG(status->st_mode) && !S_ISFIFO(status->st_mode))
		return "is not a file";
	return NULL;
}

static bool is_open_already(const struct source *source, const struct stat *status)
{
	for (size_t i = 0; i < source->depth; i++) {
		if (source->files[i].device == status->st_dev &&
		    source->files[i].inode == status->st_ino)
			return true;
	}
	return false;
}

/* Fills the file from the descriptor; returns what is wrong otherwise. */
static const char *file_load(struct source_file *file, const struct source *source, int descriptor)
{
	static const char byte_order_mark[] = "\xEF\xBB\xBF";
	struct stat status;
	const char *wrong;
	size_t length;

	if (fstat(descriptor, &status) < 0)
		return strerror(errno);
	wrong = kind_fault(&status);
	if (wrong)
		return wrong;
	if (is_open_already(source, &status))
		return "includes itself";
	file->text = read_all(descriptor, &length);
	if (!file->text)
		return strerror(errno);
	file->device = status.st_dev;
	file->inode = status.st_ino;
	file->next = file->text;
	file->end = file->text + length;
	if (length >= 3 && memcmp(file->text, byte_order_mark, 3) == 0)
		file->next += 3;
	return NULL;
}

/* Makes the file the innermost one; returns what is wrong otherwise. */
static const char *source_push(struct source *source, const char *path)
{
	struct source_file file = {0};
	const char *wrong;
	int descriptor;

	descriptor = open(path, O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return strerror(errno);
	wrong = file_load(&file, source, descriptor);
	close(descriptor);
	if (wrong)
		return wrong;
	file.name = text_copy(path);
	source->files[source->depth++] = file;
	return NULL;
}

const char *source_open(struct source *source, const char *path, struct fault_list *faults)
{
	*source = (struct source){.faults = faults};
	return source_push(source, path);
}

static void append(char **text, const char *path)
{
	char *longer = text_format("%s%%include %s\n", *text ? *text : "", path);

	free(*text);
	*text = longer;
}

/*
 * Makes the innermost "file" one that includes each file that a pattern stands for, in the order of
 * their names; its lines are taken for the one with the pattern. That there are none is no mistake.
 * False: no such files.
 */
static bool push_matches(struct source *source, const char *pattern)
{
	struct source_file file = {.line = source_line(source), .is_list = true};
	glob_t found;

	if (glob(pattern, 0, NULL, &found) != 0)
		return false;
	for (size_t i = 0; i < found.gl_pathc; i++)
		append(&file.text, found.gl_pathv[i]);
	globfree(&found);
	file.name = text_copy(source_file_name(source));
	file.next = file.text;
	file.end = file.text + strlen(file.text);
	source->files[source->depth++] = file;
	return true;
}

/* From the working directory, or else from the including file's. */
static void include_all(struct source *source, const char *pattern)
{
	char *other_pattern = beside(source_file_name(source), pattern);

	if (!push_matches(source, pattern) && other_pattern)
		push_matches(source, other_pattern);
	free(other_pattern);
}

static void include_one(struct source *source, const char *path)
{
	const char *name = source_file_name(source), *wrong;
	int line = source_line(source);
	char *found = source_find(path, name);

	wrong = source_push(source, found);
	if (wrong)
		fault_add(source->faults, name, line, "cannot include \"%s\": %s", path, wrong);
	free(found);
}

void source_include(struct source *source, const char *path)
{
	if (source->depth > INI_INCLUDE_DEPTH)
		fault_add(source->faults, source_file_name(source), source_line(source),
			  "%%include is nested more than %d levels deep", INI_INCLUDE_DEPTH);
	else if (strpbrk(path, "*?[") && access(path, F_OK) < 0)
		include_all(source, path);
	else
		include_one(source, path);
}

/* Takes one line, without its newline, from the innermost file; NULL: it has no more. */
static char *take_line(struct source_file *file, size_t *length)
{
	char *line = file->next, *newline;

	if (line >= file->end)
		return NULL;
	newline = memchr(line, '\n', (size_t)(file->end - line));
	if (!newline)
		newline = file->end;
	*newline = '\0';
	*length = (size_t)(newline - line);
	file->next = newline + 1;
	return line;
}

/* Whether the line goes on in the next one: then it loses its backslash, and what is behind that. */
static bool cut_backslash(const char *line, size_t *length)
{
	size_t end = *length;

	while (end > 0 && line[end - 1] == '\r')
		end--;
	if (end == 0 || line[end - 1] != '\\')
		return false;
	*length = end - 1;
	return true;
}

/* As take_line(), with all lines that it goes on in. */
static char *take_joined_lines(struct source_file *file, size_t *length)
{
	char *line = take_line(file, length), *more = line;
	size_t more_length = line ? *length : 0, joined = 0;

	while (more) {
		bool goes_on = cut_backslash(more, &more_length);

		memmove(line + joined, more, more_length);
		joined += more_length;
		line[joined] = '\0';
		more = goes_on ? take_line(file, &more_length) : NULL;
		file->continuations += more != NULL;
	}
	*length = joined;
	return line;
}

static char *take(struct source_file *file, bool joins, size_t *length)
{
	if (!file->is_list && file->next < file->end) {
		file->line += 1 + file->continuations;
		file->continuations = 0;
	}
	return joins ? take_joined_lines(file, length) : take_line(file, length);
}

static char *trim(char *line, size_t length, const char *blanks)
{
	while (length > 0 && strchr(blanks, line[length - 1]))
		length--;
	line[length] = '\0';
	return line + strspn(line, blanks);
}

static char *next_line(struct source *source, bool joins)
{
	size_t length;
	char *line;

	for (;;) {
		struct source_file *file = &source->files[source->depth - 1];

		line = take(file, joins, &length);
		if (!line && source->depth == 1)
			return NULL;
		if (!line) {
			file_release(file);
			source->depth--;
		} else if (strlen(line) != length) {
			fault_add(source->faults, file->name, file->line,
				  "a NUL byte is in this line");
		} else if (length > INI_LINE_BYTES) {
			fault_add(source->faults, file->name, file->line,
				  "this line is longer than %d bytes", INI_LINE_BYTES);
		} else {
			return trim(line, length, joins ? RECORD_BLANKS : " \t\r\f\v");
		}
	}
}

char *source_next_line(struct source *source)
{
	return next_line(source, false);
}

char *source_next_record(struct source *source)
{
	return next_line(source, true);
}

void source_release(struct source *source)
{
	while (source->depth > 0)
		file_release(&source->files[--source->depth]);
}
