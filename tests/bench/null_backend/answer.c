#include "tests/bench/null_backend/answer.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

struct statement {
	struct statement *next;
	struct command command;
	char name[];
};

static const struct {
	const char *name, *value;
} reported[] = {
	{"server_version", "15.0"},    {"server_encoding", "UTF8"},
	{"client_encoding", "UTF8"},   {"DateStyle", "ISO, MDY"},
	{"TimeZone", "UTC"},	       {"integer_datetimes", "on"},
	{"IntervalStyle", "postgres"}, {"standard_conforming_strings", "on"},
	{"is_superuser", "off"},       {"session_authorization", "bench"},
	{"application_name", ""},
};

static const struct {
	const char *word;
	struct command command;
} commands[] = {
	{"BEGIN", {KIND_BEGIN, "BEGIN"}},
	{"START", {KIND_BEGIN, "START TRANSACTION"}},
	{"COMMIT", {KIND_END, "COMMIT"}},
	{"END", {KIND_END, "COMMIT"}},
	{"ROLLBACK", {KIND_END, "ROLLBACK"}},
	{"ABORT", {KIND_END, "ROLLBACK"}},
	{"SET", {KIND_UTILITY, "SET"}},
	{"RESET", {KIND_UTILITY, "RESET"}},
	{"DISCARD", {KIND_UTILITY, "DISCARD ALL"}},
	{"DEALLOCATE", {KIND_UTILITY, "DEALLOCATE"}},
	{"UNLISTEN", {KIND_UTILITY, "UNLISTEN"}},
	{"CLOSE", {KIND_UTILITY, "CLOSE CURSOR"}},
};

static uint32_t get_u32(const char *at)
{
	uint32_t value;
	memcpy(&value, at, 4);
	return ntohl(value);
}

/* A message whose body is literal text, embedded zeros included. */
#define PUT_TEXT(out, type, text) output_message(out, type, text, sizeof(text) - 1)

static void put_parameter(struct output *out, const char *name, const char *value)
{
	char body[512];
	int count = snprintf(body, sizeof(body), "%s%c%s", name, 0, value);

	if (count > 0 && (size_t)count < sizeof(body))
		output_message(out, 'S', body, (size_t)count + 1);
}

static void put_ready(struct session *session)
{
	output_message(&session->out, 'Z', &session->status, 1);
}

static void put_error(struct session *session, const char *code, const char *text)
{
	char body[256];
	int count =
		snprintf(body, sizeof(body), "SERROR%cVERROR%cC%s%cM%s%c", 0, 0, code, 0, text, 0);

	output_message(&session->out, 'E', body, (size_t)count + 1);
	if (session->status == 'T')
		session->status = 'E';
}

static void put_description(struct output *out, struct command command)
{
	if (command.kind == KIND_ROW)
		PUT_TEXT(out, 'T', "\0\1?column?\0\0\0\0\0\0\0\0\0\0\27\0\4\377\377\377\377\0\0");
	else if (command.kind == KIND_BIG)
		PUT_TEXT(out, 'T',
			 "\0\1?column?\0\0\0\0\0\0\0\0\0\0\31\377\377\377\377\377\377\0\0");
	else
		output_message(out, 'n', "", 0);
}

/* Rows and tag of one command; the caller has sent the description if one is due. False: it failed. */
static bool execute(struct session *session, struct command command)
{
	if (session->status == 'E' && command.kind != KIND_END) {
		put_error(session, "25P02", "current transaction is aborted");
		return false;
	}
	switch (command.kind) {
	case KIND_NOTHING:
		output_message(&session->out, 'I', "", 0);
		return true;
	case KIND_ROW:
		PUT_TEXT(&session->out, 'D', "\0\1\0\0\0\0011");
		break;
	case KIND_BIG:
		output_big_rows(&session->out);
		break;
	case KIND_BEGIN:
		session->status = 'T';
		break;
	case KIND_END:
		session->status = 'I';
		break;
	case KIND_UTILITY:
		break;
	}
	output_message(&session->out, 'C', command.tag, strlen(command.tag) + 1);
	return true;
}

static struct command classify(const char *text)
{
	text += strspn(text, " \t\r\n;");
	if (*text == '\0')
		return (struct command){KIND_NOTHING, ""};

	size_t word = strcspn(text, " \t\r\n;(");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strlen(commands[i].word) == word && !strncasecmp(commands[i].word, text, word))
			return commands[i].command;
	if (strstr(text, "big") != NULL)
		return (struct command){KIND_BIG, "SELECT 10000"};
	return (struct command){KIND_ROW, "SELECT 1"};
}

static struct statement **find_statement(struct session *session, const char *name)
{
	struct statement **at = &session->statements;

	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

static void drop_statement(struct statement **at)
{
	struct statement *gone = *at;

	*at = gone->next;
	free(gone);
}

/*
 * SET of a reported parameter is followed by its ParameterStatus, and DISCARD and DEALLOCATE forget the
 * statements: poolers rely on both.
 */
static void utility_effect(struct session *session, const char *text, const char *tag)
{
	char name[64], value[256];

	if (tag[0] == 'D') {
		while (session->statements != NULL)
			drop_statement(&session->statements);
	}
	text += strspn(text, " ");
	if (sscanf(text, "%*s %63[A-Za-z_.] = '%255[^']'", name, value) != 2 &&
	    sscanf(text, "%*s %63[A-Za-z_.]=%255[^'; ]", name, value) != 2 &&
	    sscanf(text, "%*s %63[A-Za-z_.]='%255[^']'", name, value) != 2 &&
	    sscanf(text, "%*s %63s %*[tT]%*[oO] '%255[^']'", name, value) != 2 &&
	    sscanf(text, "%*s %63s %*[tT]%*[oO] %255[^'; ]", name, value) != 2)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(reported); i++)
		if (!strcasecmp(reported[i].name, name))
			put_parameter(&session->out, reported[i].name, value);
}

/* The end of the statement that starts here: the next semicolon outside quotes, or the terminator. */
static char *statement_end(char *text)
{
	bool quoted = false;

	for (; *text != '\0' && (quoted || *text != ';'); text++)
		if (*text == '\'')
			quoted = !quoted;
	return text;
}

/* One statement of a simple query. False: the others are not executed. */
static bool simple_statement(struct session *session, const char *text, struct command command)
{
	bool has_rows = command.kind == KIND_ROW || command.kind == KIND_BIG;

	if (has_rows && session->status != 'E')
		put_description(&session->out, command);
	if (!execute(session, command))
		return false;
	if (command.kind == KIND_UTILITY)
		utility_effect(session, text, command.tag);
	return true;
}

static void simple_query(struct session *session, char *text)
{
	bool is_empty = true;

	for (bool goes_on = true; goes_on;) {
		char *end = statement_end(text);
		bool is_last = *end == '\0';
		*end = '\0';

		struct command command = classify(text);
		goes_on = !is_last;
		if (command.kind != KIND_NOTHING) {
			is_empty = false;
			goes_on = simple_statement(session, text, command) && !is_last;
		}
		text = end + 1;
	}
	if (is_empty)
		output_message(&session->out, 'I', "", 0);
	put_ready(session);
}

static bool parse(struct session *session, const char *name, const char *text)
{
	struct command command = classify(text);

	if (*name == '\0') {
		session->unnamed = command;
	} else if (*find_statement(session, name) != NULL) {
		put_error(session, "42P05", "prepared statement already exists");
		return false;
	} else {
		struct statement *added = malloc(sizeof(*added) + strlen(name) + 1);
		if (added == NULL)
			abort();
		added->command = command;
		strcpy(added->name, name);
		added->next = session->statements;
		session->statements = added;
	}
	output_message(&session->out, '1', "", 0);
	return true;
}

static bool lookup(struct session *session, const char *name, struct command *command)
{
	struct statement *found;

	if (*name == '\0') {
		*command = session->unnamed;
	} else if ((found = *find_statement(session, name)) != NULL) {
		*command = found->command;
	} else {
		put_error(session, "26000", "prepared statement does not exist");
		return false;
	}
	return true;
}

static bool bind_portal(struct session *session, const char *statement)
{
	if (!lookup(session, statement, &session->portal))
		return false;
	output_message(&session->out, '2', "", 0);
	return true;
}

static bool describe(struct session *session, char what, const char *name)
{
	struct command command = session->portal;

	if (what == 'S') {
		if (!lookup(session, name, &command))
			return false;
		PUT_TEXT(&session->out, 't', "\0\0");
	}
	put_description(&session->out, command);
	return true;
}

static void close_named(struct session *session, char what, const char *name)
{
	struct statement **at = find_statement(session, name);

	if (what == 'S' && *at != NULL)
		drop_statement(at);
	output_message(&session->out, '3', "", 0);
}

/* `body` is followed by a terminator of our own, so that no string in it can run away. */
static bool extended_message(struct session *session, char type, char *body, size_t count)
{
	size_t first = strlen(body) + 1; /* the second string of Parse and Bind */
	const char *second = first <= count ? body + first : "";

	switch (type) {
	case 'P':
		return parse(session, body, second);
	case 'B':
		return bind_portal(session, second);
	case 'D':
		return describe(session, body[0], body + (count > 0));
	case 'E':
		return execute(session, session->portal);
	case 'C':
		close_named(session, body[0], body + (count > 0));
		return true;
	default: /* Flush, and what else needs no answer */
		return true;
	}
}

/* Returns false when the connection is over. */
static bool typed_message(struct session *session, char type, char *body, size_t count)
{
	char saved = body[count];

	body[count] = '\0';
	switch (type) {
	case 'X':
		return false;
	case 'Q':
		simple_query(session, body);
		break;
	case 'S':
		session->skips = false;
		put_ready(session);
		break;
	default:
		if (!session->skips)
			session->skips = !extended_message(session, type, body, count);
	}
	body[count] = saved;
	return true;
}

static const char *startup_value(const char *body, size_t count, const char *name)
{
	const char *end = body + count;

	while (body < end && *body != '\0') {
		const char *value = body + strlen(body) + 1;
		if (value >= end)
			break;
		if (!strcasecmp(body, name) ||
		    (!strcmp(body, "user") && !strcmp(name, "session_authorization")))
			return value;
		body = value + strlen(value) + 1;
	}
	return NULL;
}

static bool startup_message(struct session *session, char *body, size_t count)
{
	uint32_t code = count >= 4 ? get_u32(body) : 0;

	if (code == 80877103 || code == 80877104) { /* SSLRequest, GSSENCRequest */
		output_put(&session->out, "N", 1);
		return true;
	}
	if (code >> 16 != 3) /* also CancelRequest */
		return false;

	char saved = body[count];
	body[count] = '\0';
	PUT_TEXT(&session->out, 'R', "\0\0\0\0");
	for (size_t i = 0; i < ARRAY_SIZE(reported); i++) {
		const char *asked = startup_value(body + 4, count - 4, reported[i].name);
		put_parameter(&session->out, reported[i].name,
			      asked != NULL ? asked : reported[i].value);
	}
	body[count] = saved;
	uint32_t key[2] = {htonl((uint32_t)getpid()), htonl(4711)};
	output_message(&session->out, 'K', key, sizeof(key));
	put_ready(session);
	session->started = true;
	return true;
}

void session_init(struct session *session)
{
	*session = (struct session){.status = 'I'};
}

void session_release(struct session *session)
{
	while (session->statements != NULL)
		drop_statement(&session->statements);
	free(session->out.bytes);
}

ssize_t answer_message(struct session *session, char *at, size_t have, size_t limit,
		       size_t *to_skip)
{
	size_t header = session->started ? 5 : 4;

	if (have < header)
		return 0;
	size_t length = get_u32(at + header - 4);
	if (length < 4 || length > INT32_MAX)
		return -1;

	size_t size = header - 4 + length;
	size_t taken = size < limit ? size : limit;
	if (have < taken)
		return 0;
	*to_skip += size - taken;

	bool goes_on = session->started ? typed_message(session, at[0], at + 5, taken - 5)
					: startup_message(session, at + 4, taken - 4);
	return goes_on ? (ssize_t)taken : -1;
}
