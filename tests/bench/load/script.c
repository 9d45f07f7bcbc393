#include "tests/bench/load/script.h"

#include "tests/bench/load/scram.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_SIZE = 2 + 4 + 1, BIG_ROWS = 10000, BIG_ROW_SIZE = 2 + 4 + 100, STATEMENTS = 50 };

static char bytes[8192];
static size_t used;

static void put(const void *from, size_t count)
{
	if (count > sizeof(bytes) - used)
		abort();
	memcpy(bytes + used, from, count);
	used += count;
}

/* A message of one type byte (none for 0) and a body that is literal text, embedded zeros included. */
static void put_message(char type, const char *body, size_t count)
{
	uint32_t length = htonl((uint32_t)count + 4);

	if (type != 0)
		put(&type, 1);
	put(&length, 4);
	put(body, count);
}

#define PUT_TEXT(type, text) put_message(type, text, sizeof(text) - 1)

/* Closes the request that was put since `start`. */
static struct exchange expect(size_t start, const char *replies, unsigned rows, size_t row_size,
			      char status)
{
	return (struct exchange){
		.request = bytes + start,
		.size = used - start,
		.replies = replies,
		.rows = rows,
		.row_size = row_size,
		.status = status,
	};
}

static struct exchange query(const char *text, const char *replies, unsigned rows, char status)
{
	size_t start = used;

	put_message('Q', text, strlen(text) + 1);
	return expect(start, replies, rows, rows > 1 ? BIG_ROW_SIZE : ROW_SIZE, status);
}

static struct exchange login(const char *user, const char *database)
{
	size_t start = used;
	uint32_t length =
		htonl((uint32_t)(4 + 4 + 5 + strlen(user) + 1 + 9 + strlen(database) + 1 + 1));

	put(&length, 4);
	put("\0\3\0\0user", 4 + 5);
	put(user, strlen(user) + 1);
	put("database", 9);
	put(database, strlen(database) + 1);
	put("", 1);
	return expect(start, scram_password() != NULL ? "RRKZ" : "RKZ", 0, 0, 'I');
}

static struct exchange extended(void)
{
	size_t start = used;

	PUT_TEXT('P', "\0select 1\0\0\0");
	PUT_TEXT('B', "\0\0\0\0\0\0\0\0");
	PUT_TEXT('D', "P\0");
	PUT_TEXT('E', "\0\0\0\0\0");
	PUT_TEXT('S', "");
	return expect(start, "12TDCZ", 1, ROW_SIZE, 'I');
}

static struct exchange prepare(void)
{
	size_t start = used;

	PUT_TEXT('P', "s1\0select 1\0\0\0");
	PUT_TEXT('S', "");
	return expect(start, "1Z", 0, 0, 'I');
}

/* Fifty statements of their own names and texts, as an application has them. */
static struct exchange prepare_many(void)
{
	static const char replies[STATEMENTS + 2] = {[0 ... STATEMENTS - 1] = '1', 'Z', 0};
	size_t start = used;

	for (unsigned i = 1; i <= STATEMENTS; i++) {
		char body[80];
		int length = snprintf(body, sizeof(body), "s%u%cselect 1 /* the %uth */%c%c%c", i,
				      0, i, 0, 0, 0);
		put_message('P', body, (size_t)length);
	}
	PUT_TEXT('S', "");
	return expect(start, replies, 0, 0, 'I');
}

static struct exchange execute_prepared(void)
{
	size_t start = used;

	PUT_TEXT('B', "\0s1\0\0\0\0\0\0\0");
	PUT_TEXT('E', "\0\0\0\0\0");
	PUT_TEXT('S', "");
	return expect(start, "2DCZ", 1, ROW_SIZE, 'I');
}

/* False: there is no such workload. */
static bool make_steps(struct script *script, const char *workload)
{
	struct exchange *steps = script->steps;

	script->step_count = 1;
	if (strcmp(workload, "simple") == 0 || strcmp(workload, "idle") == 0) {
		steps[0] = query("select 1", "TDCZ", 1, 'I');
	} else if (strcmp(workload, "connect") == 0) {
		steps[0] = query("select 1", "TDCZ", 1, 'I');
		script->reconnects = true;
	} else if (strcmp(workload, "login") == 0) {
		script->reconnects = true;
		script->step_count = 0;
	} else if (strcmp(workload, "extended") == 0) {
		steps[0] = extended();
	} else if (strcmp(workload, "prepared") == 0) {
		script->prepare = prepare();
		steps[0] = execute_prepared();
	} else if (strcmp(workload, "big") == 0) {
		steps[0] = query("select big", "TDCZ", BIG_ROWS, 'I');
	} else if (strcmp(workload, "transaction") == 0) {
		steps[0] = query("BEGIN", "CZ", 0, 'T');
		steps[1] = steps[2] = query("select 1", "TDCZ", 1, 'T');
		steps[3] = query("COMMIT", "CZ", 0, 'I');
		script->step_count = 4;
	} else if (strcmp(workload, "statements") == 0) { /* without, prepared, used */
		steps[0] = query("select 1", "TDCZ", 1, 'I');
		steps[1] = prepare_many();
		steps[2] = execute_prepared();
		script->step_count = 3;
	} else if (strcmp(workload, "waiting") == 0) { /* hold a server, ask for one, let it go */
		steps[0] = query("BEGIN", "CZ", 0, 'T');
		steps[1] = query("select 1", "TDCZ", 1, 'I');
		steps[2] = query("COMMIT", "CZ", 0, 'I');
		script->step_count = 3;
	} else {
		return false;
	}
	return true;
}

const struct script *script_make(const char *workload, const char *user, const char *database)
{
	static struct script script;

	used = 0;
	script = (struct script){
		.name = workload,
		.login = login(user, database),
		.proofs = scram_password() != NULL ? 2 : 0,
	};
	return make_steps(&script, workload) ? &script : NULL;
}
