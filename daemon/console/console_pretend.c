/*
 * What clients say without being asked to. None of it has an effect; what counts is that nobody
 * gives up over it.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/array.h"
#include "conf/settings.h"
#include "daemon/console/console_turn.h"
#include "daemon/console/show.h"
#include "daemon/console/table.h"
#include "daemon/session.h"
#include "daemon/version.h"
#include "daemon/worker.h"

/* --- words --------------------------------------------------------------------------------- */

/* Begins with these words, whatever blanks are between and around them, and ends there. */
static bool is_said(const char *text, size_t length, const char *words)
{
	const char *end = text + length;

	for (;;) {
		while (text < end && strchr(" \t\r\n", *text) != NULL)
			text++;
		if (*words == '\0')
			break;
		while (*words != '\0' && *words != ' ') {
			if (text == end || strncasecmp(text, words, 1) != 0)
				return false;
			text++;
			words++;
		}
		words += *words == ' ';
	}
	if (text < end && *text == ';')
		text++;
	while (text < end && strchr(" \t\r\n", *text) != NULL)
		text++;
	return text == end;
}

static const char *find_text(const char *text, size_t length, const char *wanted)
{
	size_t size = strlen(wanted);

	for (size_t i = 0; i + size <= length; i++)
		if (strncasecmp(text + i, wanted, size) == 0)
			return text + i;
	return NULL;
}

/* --- transactions -------------------------------------------------------------------------- */

/* Drivers that open a block around everything want to see it open. */
static const struct {
	const char *words, *tag;
	bool is_open_behind;
} blocks[] = {
	{"BEGIN", "BEGIN", true},
	{"BEGIN TRANSACTION", "BEGIN", true},
	{"START TRANSACTION", "START TRANSACTION", true},
	{"BEGIN READ ONLY", "BEGIN", true},
	{"BEGIN TRANSACTION READ ONLY", "BEGIN", true},
	{"COMMIT", "COMMIT", false},
	{"END", "COMMIT", false},
	{"ROLLBACK", "ROLLBACK", false},
};

static bool pretend_block(struct writer *writer, struct session *session, const char *text,
			  size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		if (!is_said(text, length, blocks[i].words))
			continue;
		session->is_in_block = blocks[i].is_open_behind;
		write_command_complete(writer, blocks[i].tag);
		return true;
	}
	return false;
}

/* --- cleaning up, and small questions ----------------------------------------------------- */

static const struct {
	const char *words, *tag;
} cleanings[] = {
	{"DISCARD ALL", "DISCARD ALL"},	    {"RESET ALL", "RESET"},
	{"DEALLOCATE ALL", "DEALLOCATE ALL"}, {"CLOSE ALL", "CLOSE CURSOR ALL"},
	{"UNLISTEN *", "UNLISTEN"},
};

static bool pretend_cleaning(struct writer *writer, const char *text, size_t length)
{
	/* asyncpg's, in front of each new user of a connection. */
	if (find_text(text, length < 40 ? length : 40, "SELECT pg_advisory_unlock_all()") != NULL) {
		write_command_complete(writer, "RESET");
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(cleanings); i++) {
		if (is_said(text, length, cleanings[i].words)) {
			write_command_complete(writer, cleanings[i].tag);
			return true;
		}
	}
	return false;
}

static const struct {
	const char *words, *heading, *value;
} questions[] = {
	{"SELECT 1", "?column? int4", "1"},
	{"SELECT version()", "version text", "Millpond " MILLPOND_VERSION},
	{"SELECT pg_catalog.version()", "version text", "Millpond " MILLPOND_VERSION},
	{"SELECT current_database()", "current_database text", CONSOLE_NAME},
	{"SELECT pg_is_in_recovery()", "pg_is_in_recovery text", "f"},
	{"SHOW TRANSACTION ISOLATION LEVEL", "transaction_isolation text", "read committed"},
};

static bool pretend_answer(struct writer *writer, const char *text, size_t length)
{
	struct table table;

	for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
		if (!is_said(text, length, questions[i].words))
			continue;
		table_begin(&table, writer, questions[i].heading);
		table_text(&table, questions[i].value);
		write_command_complete(writer, "SELECT 1");
		return true;
	}
	return false;
}

/* --- catalogs ------------------------------------------------------------------------------ */

/* The beginning of a word that psql wants completed: `... LIKE pg_catalog.lower('po%')`. */
static void find_beginning(const char *text, size_t length, char *beginning, size_t size)
{
	const char *end = text + length, *at = find_text(text, length, " LIKE ");
	size_t used = 0;

	while (at != NULL && at < end && *at != '\'')
		at++;
	for (at = at == NULL ? end : at + 1; at < end && *at != '%' && *at != '\''; at++)
		if (*at != '\\' && used + 1 < size)
			beginning[used++] = *at;
	beginning[used] = '\0';
}

static void complete(struct table *table, const char *beginning, const char *name)
{
	if (strncasecmp(name, beginning, strlen(beginning)) == 0)
		table_text(table, name);
}

/* psql completes SHOW and SET from pg_settings: here by what can be shown, and by the settings. */
static void complete_names(struct table *table, const char *beginning, const struct settings *settings)
{
	struct setting_row row;
	const char *name;

	for (size_t i = 0; (name = show_name(i)) != NULL; i++)
		complete(table, beginning, name);
	for (size_t i = 0; settings_row(settings, i, &row); i++)
		complete(table, beginning, row.key);
}

/* There are no catalogs, so nothing is found in them; but that is no mistake. */
static bool pretend_catalog(struct writer *writer, const struct session *session, const char *text,
			    size_t length)
{
	char beginning[64];
	struct table table;

	if (length < 6 || strncasecmp(text + strspn(text, " \t\r\n"), "SELECT", 6) != 0 ||
	    find_text(text, length, "pg_") == NULL || find_text(text, length, " FROM ") == NULL)
		return false;
	table_begin(&table, writer, "name text");
	if (find_text(text, length, "pg_settings") != NULL) {
		find_beginning(text, length, beginning, sizeof beginning);
		complete_names(&table, beginning, session->worker->settings);
	}
	write_command_complete(writer, "SELECT 0");
	return true;
}

bool pretend(struct writer *writer, struct session *session, const char *text, size_t length)
{
	return pretend_block(writer, session, text, length) ||
	       pretend_cleaning(writer, text, length) || pretend_answer(writer, text, length) ||
	       pretend_catalog(writer, session, text, length);
}
