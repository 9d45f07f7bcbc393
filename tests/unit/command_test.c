/* The console's commands are taken apart as PgBouncer does it. */
#include "daemon/console/command.h"
#include "tests/unit/tap.h"

static struct command command;

static enum command_form parse(const char *text)
{
	command_parse(text, strlen(text), &command);
	return command.form;
}

static void words(void)
{
	static const char *const same[] = {"SHOW POOLS", "SHOW POOLS;", " SHOW\n\tPOOLS ; ",
					   "\"SHOW\" \"POOLS\""};
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		is_int(parse(same[i]), COMMAND_WORDS, "form %zu", i);
		is_text(command.verb, "SHOW", "its verb");
		is_text(command.argument, "POOLS", "its argument");
	}
	is_int(parse("reload"), COMMAND_WORDS, "a verb alone");
	is_text(command.verb, "reload", "as it was written");
	is_text(command.argument, "", "has no argument");
	is_int(parse("PAUSE \"a-b; c\""), COMMAND_WORDS, "a quoted word");
	is_text(command.argument, "a-b; c", "may hold anything");
	is_int(parse("PAUSE \"a\"\"b'\"\"\""), COMMAND_WORDS, "a word with quotes");
	is_text(command.argument, "a\"b'\"", "has each doubled");
}

static void settings(void)
{
	static const char *const same[] = {"set datestyle = iso", "SET datestyle=iso;",
					   "set datestyle to iso", "set\ndatestyle TO 'iso' ;"};
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		is_int(parse(same[i]), COMMAND_SET, "form %zu", i);
		is_text(command.argument, "datestyle", "its key");
		is_text(command.value, "iso", "its value");
	}
	is_int(parse("set a = 'it''s; '''"), COMMAND_SET, "a string");
	is_text(command.value, "it's; '", "its quotes are single");
	is_int(parse("set a = ''"), COMMAND_SET, "an empty string");
	is_text(command.value, "", "is empty");
}

static void nonsense(void)
{
	static const char *const texts[] = {
		"\"",	      "'",	     "show a b",   "show a; b",	   "set a =",
		"set a 'b'",  "set = b",     "set a = 'b", "show \"a",	   "show a;;",
		"select 1+1", "set a = b c", "\xff\xfe",   "set a = 'b''", "sh\x01ow",
		"show \"a\"\"", "show a where b = \"c"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		is_int(parse(texts[i]), COMMAND_INVALID, "nonsense %zu", i);
	is_int(parse(""), COMMAND_EMPTY, "nothing");
	is_int(parse(" \n ; "), COMMAND_EMPTY, "as good as nothing");
}

/* Each field takes as many bytes as it is said to, and not one more. */
static void lengths(void)
{
	char text[1000];

	snprintf(text, sizeof text, "%015d %063d", 1, 2);
	is_int(parse(text), COMMAND_WORDS, "the longest words");
	is_int((int)strlen(command.argument), 63, "are whole");
	snprintf(text, sizeof text, "%016d", 1);
	is_int(parse(text), COMMAND_TOO_LONG, "a verb too long");
	snprintf(text, sizeof text, "show \"%064d\"", 1);
	is_int(parse(text), COMMAND_TOO_LONG, "an argument too long");
	snprintf(text, sizeof text, "set a = '%0255d'", 1);
	is_int(parse(text), COMMAND_SET, "the longest value");
	snprintf(text, sizeof text, "set a = '%0256d'", 1);
	is_int(parse(text), COMMAND_TOO_LONG, "a value too long");
}

/* The text ends where its length says, not at a zero. */
static void without_end(void)
{
	size_t size = 100000;
	char *text = malloc(size);

	memset(text, 'x', size);
	command_parse(text, size, &command);
	is_int(command.form, COMMAND_TOO_LONG, "100 kB");
	memset(text, '\'', size);
	memcpy(text, "set a=", 6);
	command_parse(text, size, &command);
	is_int(command.form, COMMAND_TOO_LONG, "100 kB of quotes");
	for (size_t length = 0; length < 20; length++) {
		char *exact = malloc(length > 0 ? length : 1); /* a sanitizer guards its end */
		memcpy(exact, "set datestyle to 'x'", length);
		command_parse(exact, length, &command);
		free(exact);
	}
	free(text);
	ok(true, "beginnings of a command");
}

int main(void)
{
	words();
	settings();
	nonsense();
	lengths();
	without_end();
	return done();
}
