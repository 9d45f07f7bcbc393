/* Values come through inih as they are written, and everything that is no ini is named with its line. */
#include "conf/ini.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/faults.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

/* What was read: `[section]` and `section/key=<value>`, each with `@line` when `with_lines`. */
struct record {
	char *text;
	size_t length;
	bool with_lines;
};

static void record_add(struct record *record, const char *text)
{
	size_t length = strlen(text);

	record->text = realloc(record->text, record->length + length + 1);
	memcpy(record->text + record->length, text, length + 1);
	record->length += length;
}

static void note_entry(void *context, const struct ini_entry *entry)
{
	struct record *record = context;
	const char *slash = strrchr(entry->file, '/');
	char *text;
	int length;

	if (!entry->key)
		length = asprintf(&text, "[%s]", entry->section);
	else
		length = asprintf(&text, "%s/%s=<%s>", entry->section, entry->key, entry->value);
	if (length < 0)
		abort();
	record_add(record, text);
	free(text);
	if (record->with_lines && entry->key) {
		if (asprintf(&text, "@%s:%d ", slash ? slash + 1 : entry->file, entry->line) < 0)
			abort();
		record_add(record, text);
		free(text);
	}
}

/* Reads a file and compares what came of it; returns its faults, to be released. */
static struct fault_list check_file(const char *path, const char *wanted, bool with_lines,
				    const char *name)
{
	struct record record = {.with_lines = with_lines};
	struct fault_list faults;

	fault_list_init(&faults);
	record_add(&record, "");
	ini_read(path, note_entry, &record, &faults);
	is_text(record.text, wanted, "%s", name);
	free(record.text);
	return faults;
}

static void is_read(const char *text, const char *wanted, const char *name)
{
	struct fault_list faults = check_file(scratch_write("test.ini", text), wanted, false, name);

	if (!ok(faults.count == 0, "%s: no fault", name))
		show(&faults);
	fault_list_release(&faults);
}

/* One fault, at the line; and the rest of the file is still read. */
static void is_refused(const char *text, int line, const char *words, const char *wanted)
{
	struct fault_list faults =
		check_file(scratch_write("test.ini", text), wanted, false, words);

	if (!ok(faults.count == 1 && has_fault(&faults, line, words), "line %d: %s", line, words))
		show(&faults);
	fault_list_release(&faults);
}

static void test_lines(void)
{
	is_read("", "", "an empty file");
	is_read("\n\n", "", "empty lines");
	is_read("[a]\nk=v\n", "[a]a/k=<v>", "a pair");
	is_read("[a]\nk=v", "[a]a/k=<v>", "no newline at the end");
	is_read("  [a]\n\t k  =  v \t \n", "[a]a/k=<v>", "blanks around everything");
	is_read("[a]\nk=v\n  next=w\n", "[a]a/k=<v>a/next=<w>", "an indented line is its own");
	is_read("[a]\nk=\nl =  \n", "[a]a/k=<>a/l=<>", "empty values");
	is_read("\xEF\xBB\xBF[a]\nk=v\n", "[a]a/k=<v>", "a byte-order mark");
	is_read("[a]\r\nk=v\r\n\r\n", "[a]a/k=<v>", "carriage returns");
	is_read("; one\n# two\n  ; three\n[a]\n;k=v\nl=w\n", "[a]a/l=<w>", "comments");
	is_read("[a] ; comment\nk=v\n[b]# comment\n", "[a]a/k=<v>[b]", "comments after sections");
	is_read("k=v\n", "/k=<v>", "a pair before any section");
	is_read("[a]\nk=1\n[b]\nk=2\n[a]\nk=3\n", "[a]a/k=<1>[b]b/k=<2>[a]a/k=<3>",
		"a section goes on");
	is_read("[A b;c:d=e]\nk=v\n", "[A b;c:d=e]A b;c:d=e/k=<v>", "a strange section");
	is_read("[\xC3\xA9]\n\xC3\xA9=\xC3\xA9\n", "[\xC3\xA9]\xC3\xA9/\xC3\xA9=<\xC3\xA9>",
		"other letters");
}

static void test_values(void)
{
	is_read("[a]\nk=a;b ; c # d\n", "[a]a/k=<a;b ; c # d>", "comment characters in a value");
	is_read("[a]\nk = ;v\n", "[a]a/k=<;v>", "a value that starts with one");
	is_read("[a]\nk=a=b = c\n", "[a]a/k=<a=b = c>", "equals signs in a value");
	is_read("[a]\nk==v\n", "[a]a/k=<=v>", "a value that starts with one");
	is_read("[a]\nk=a:b\n", "[a]a/k=<a:b>", "a colon in a value");
	is_read("[a]\nk='quoted ''parts''' \"x\"\n", "[a]a/k=<'quoted ''parts''' \"x\">", "quotes");
	is_read("[a]\nk=a%20b%%%41\\n\n", "[a]a/k=<a%20b%%%41\\n>", "percent signs, backslashes");
	is_read("[a]\nk=[b]\n", "[a]a/k=<[b]>", "brackets");
	is_read("[a]\nk=%include x\n", "[a]a/k=<%include x>", "a directive is none in a value");
	is_read("[a]\nk=\x01\x7F\x02z\n", "[a]a/k=<\x01\x7F\x02z>", "control characters");
	is_read("[a]\nk=a\rb\n", "[a]a/k=<a\rb>", "a carriage return inside");
}

static void test_keys(void)
{
	is_read("[a]\n'my db'=v\n", "[a]a/my db=<v>", "a key with a blank");
	is_read("[a]\n\"my db\" = v\n", "[a]a/my db=<v>", "in double quotes");
	is_read("[a]\n'it''s' = v\n\"a\"\"b\"=w\n", "[a]a/it's=<v>a/a\"b=<w>", "quotes in keys");
	is_read("[a]\n'a=b:c;d#e' = v\n", "[a]a/a=b:c;d#e=<v>", "separators in a key");
	is_read("[a]\n' a ' = v\n", "[a]a/ a =<v>", "blanks at the ends of a key");
	is_read("[a]\n'[x]' = v\n'%y'=w\n", "[a]a/[x]=<v>a/%y=<w>", "a key like a section");
	is_read("[a]\n* = v\n*x.y-z_1=w\n", "[a]a/*=<v>a/*x.y-z_1=<w>", "stars, dots, dashes");
	is_read("[a]\na:b = c\n", "[a]a/a:b=<c>", "a colon is no separator");
	is_read("[a]\na b = c\n", "[a]a/a b=<c>", "a blank inside a key");
}

static void test_faults(void)
{
	is_refused("[a]\nword\nk=v\n", 2, "there is no \"=\"", "[a]a/k=<v>");
	is_refused("[a]\nkey: value\nk=v\n", 2, "there is no \"=\"", "[a]a/k=<v>");
	is_refused("[a]\n=x\nk=v\n", 2, "no key before", "[a]a/k=<v>");
	is_refused("[a]\n''=x\nk=v\n", 2, "no key before", "[a]a/k=<v>");
	is_refused("[a]\n'x = v\nk=v\n", 2, "quote of the key does not end", "[a]a/k=<v>");
	is_refused("[a]\n'x' y = v\nk=v\n", 2, "after the key", "[a]a/k=<v>");
	is_refused("[a]\nk=v\n[b\nl=w\n", 3, "must end with", "[a]a/k=<v>?/l=<w>");
	is_refused("[a]\nk=v\n[]\nl=w\n", 3, "without a name", "[a]a/k=<v>?/l=<w>");
	is_refused("[a] b\nk=v\n", 1, "nothing may follow", "[a]a/k=<v>");
	is_refused("[a]\n%includex y\nk=v\n", 2, "only %include", "[a]a/k=<v>");
	is_refused("[a]\n%INCLUDE y\nk=v\n", 2, "only %include", "[a]a/k=<v>");
	is_refused("[a]\n%include\nk=v\n", 2, "must be followed", "[a]a/k=<v>");
	is_refused("[a]\n%include  \nk=v\n", 2, "must be followed", "[a]a/k=<v>");
}

static void test_nul(void)
{
	static const char text[] = "[a]\nk=v\0w\nl=w\n\0";
	struct fault_list faults =
		check_file(scratch_write_bytes("test.ini", text, sizeof(text) - 1), "[a]a/l=<w>",
			   false, "NULs");

	ok(faults.count == 2, "two lines with a NUL");
	ok(has_fault(&faults, 2, "NUL"), "one in the middle");
	ok(has_fault(&faults, 4, "NUL"), "one in the last line, without a newline");
	fault_list_release(&faults);
}

/* A line of the given length, of bytes that grow when they are made safe for inih. */
static char *long_line(size_t bytes, char fill)
{
	char *text = malloc(bytes + 32);
	size_t length = (size_t)sprintf(text, "[a]\nk=");

	memset(text + length, fill, bytes - 2);
	strcpy(text + length + bytes - 2, "\nl=w\n");
	return text;
}

static void test_long_lines(void)
{
	static const char fills[] = {'x', ';', '%', '\''};
	static const size_t sizes[] = {190,  199,  200,	 201,	1021,	       1022,
				       1023, 1024, 1025, 10240, INI_LINE_BYTES};

	for (size_t i = 0; i < sizeof(fills); i++) {
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			char *text = long_line(sizes[j], fills[i]);
			const char *path = scratch_write("long.ini", text);
			struct record record = {0};
			struct fault_list faults;

			fault_list_init(&faults);
			ini_read(path, note_entry, &record, &faults);
			ok(faults.count == 0 && record.text &&
				   record.length == strlen("[a]a/k=<>a/l=<w>") + sizes[j] - 2 &&
				   strstr(record.text, "a/l=<w>"),
			   "a line of %zu times %c", sizes[j], fills[i]);
			fault_list_release(&faults);
			free(record.text);
			free(text);
		}
	}
	char *text = long_line(INI_LINE_BYTES + 1, 'x');

	is_refused(text, 2, "longer than", "[a]a/l=<w>");
	free(text);
}

static void test_include(void)
{
	struct fault_list faults;
	char text[512];

	scratch_write("inner.ini", "in=1\n[b]\nb=2\n");
	is_read("[a]\nk=v\n", "[a]a/k=<v>", "without an include");
	snprintf(text, sizeof(text), "[a]\nk=v\n  %%include %s/inner.ini  \nafter=3\n",
		 scratch_dir());
	faults = check_file(scratch_write("outer.ini", text),
			    "[a]a/k=<v>@outer.ini:2 a/in=<1>@inner.ini:1 [b]b/b=<2>@inner.ini:3 "
			    "b/after=<3>@outer.ini:4 ",
			    true,
			    "each file has its own lines, and a section goes on behind an include");
	ok(faults.count == 0, "no fault");
	fault_list_release(&faults);

	is_read("[a]\n%include inner.ini\n", "[a]a/in=<1>[b]b/b=<2>", "beside the including file");
	is_read("[a]\n%include inner.ini\n%include inner.ini\n",
		"[a]a/in=<1>[b]b/b=<2>b/in=<1>[b]b/b=<2>", "twice, one after the other");
	is_refused("[a]\n%include none.ini\nk=v\n", 2, "cannot include \"none.ini\": No such file",
		   "[a]a/k=<v>");
	is_refused("[a]\n%include /\nk=v\n", 2, "is a directory", "[a]a/k=<v>");
	is_refused("[a]\n%include /dev/zero\nk=v\n", 2, "is not a file", "[a]a/k=<v>");
	is_refused("[a]\n%include test.ini\nk=v\n", 2, "includes itself", "[a]a/k=<v>");

	scratch_write("ping.ini", "%include pong.ini\nping=1\n");
	faults = check_file(scratch_write("pong.ini", "%include ping.ini\npong=1\n"),
			    "/ping=<1>/pong=<1>", false, "a loop of two files");
	ok(faults.count == 1 && has_fault(&faults, 1, "includes itself") &&
		   strstr(faults.faults[0].file, "ping.ini"),
	   "is a fault of the file that closes it");
	fault_list_release(&faults);
}

/* The working directory comes first, as in PgBouncer. */
static void test_include_from_working_directory(void)
{
	char text[300];

	mkdir(scratch_path("cwd"), 0700);
	scratch_write("cwd/inner.ini", "from=cwd\n");
	if (chdir(scratch_path("cwd")) < 0)
		abort();
	is_read("%include inner.ini\n", "/from=<cwd>", "found from the working directory first");
	snprintf(text, sizeof(text), "%%include ../inner.ini\n");
	is_read(text, "/in=<1>[b]b/b=<2>", "with a path");
	if (chdir("/") < 0)
		abort();
}

static void test_include_depth(void)
{
	struct fault_list faults;
	char name[32], text[64];

	for (int i = 0; i <= 11; i++) {
		snprintf(name, sizeof(name), "deep%d.ini", i);
		snprintf(text, sizeof(text), "%%include deep%d.ini\nk=%d\n", i + 1, i);
		scratch_write(name, i == 11 ? "k=11\n" : text);
	}
	faults = check_file(scratch_path("deep1.ini"),
			    "/k=<11>/k=<10>/k=<9>/k=<8>/k=<7>/k=<6>/k=<5>/k=<4>/k=<3>/k=<2>/k=<1>",
			    false, "ten levels deep");
	ok(faults.count == 0, "is allowed");
	fault_list_release(&faults);
	faults = check_file(scratch_path("deep0.ini"),
			    "/k=<10>/k=<9>/k=<8>/k=<7>/k=<6>/k=<5>/k=<4>/k=<3>/k=<2>/k=<1>/k=<0>",
			    false, "eleven levels deep");
	ok(faults.count == 1 && has_fault(&faults, 1, "10 levels"), "is not");
	fault_list_release(&faults);
}

static void test_files(void)
{
	static const struct {
		const char *path, *words;
	} cases[] = {
		{"/nowhere/at/all.ini", "No such file"},
		{"/", "is a directory"},
		{"/dev/null", "is not a file"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record record = {0};
		struct fault_list faults;

		fault_list_init(&faults);
		ok(!ini_read(cases[i].path, note_entry, &record, &faults), "%s", cases[i].path);
		ok(faults.count == 1 && has_fault(&faults, 0, cases[i].words), "%s",
		   cases[i].words);
		fault_list_release(&faults);
	}
}

static void test_unreadable(void)
{
	const char *path = scratch_write("secret.ini", "[a]\n");
	struct fault_list faults;

	chmod(path, 0);
	if (access(path, R_OK) == 0) {
		ok(true, "an unreadable file # SKIP nothing is unreadable to root");
		return;
	}
	fault_list_init(&faults);
	ok(!ini_read(path, note_entry, NULL, &faults) && has_fault(&faults, 0, "Permission denied"),
	   "an unreadable file");
	fault_list_release(&faults);
}

static void test_pipe(void)
{
	struct fault_list faults;
	char path[40];
	int ends[2];

	if (pipe(ends) < 0 || write(ends[1], "[a]\nk=v\n", 8) != 8)
		abort();
	close(ends[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	faults = check_file(path, "[a]a/k=<v>", false, "a pipe can be read");
	ok(faults.count == 0, "without a fault");
	fault_list_release(&faults);
	close(ends[0]);
}

int main(void)
{
	test_lines();
	test_values();
	test_keys();
	test_faults();
	test_nul();
	test_long_lines();
	test_include();
	test_include_from_working_directory();
	test_include_depth();
	test_files();
	test_unreadable();
	test_pipe();
	return done();
}
