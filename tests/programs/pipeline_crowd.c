/* libpq's pipeline mode: 20 clients that prepare and execute in pipelines, and check every row. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENTS 20
#define LENGTH 10
#define ROUNDS 20

static void fail(PGconn *connection, const char *what)
{
	printf("%s: %s\n", what, PQerrorMessage(connection));
	exit(1);
}

static void send_round(PGconn *connection, int number, int round)
{
	char name[32], text[64], value[32];
	const char *values[] = {value};

	for (int i = 0; i < LENGTH; i++) {
		snprintf(name, sizeof name, "s%d_%d", round, i);
		snprintf(text, sizeof text, "select %d, $1::int", (number + i) % 7);
		snprintf(value, sizeof value, "%d", round + i);
		if (!PQsendPrepare(connection, name, text, 0, NULL) ||
		    !PQsendQueryPrepared(connection, name, 1, values, NULL, NULL, 0))
			fail(connection, "send");
		/* Some have a Sync of their own, and some fail behind others that must be skipped. */
		if (i % 4 == 3 && !PQpipelineSync(connection))
			fail(connection, "sync");
	}
	if (!PQsendQueryPrepared(connection, "unknown", 0, NULL, NULL, NULL, 0) ||
	    !PQsendPrepare(connection, "skipped", "select 1", 0, NULL) || !PQpipelineSync(connection))
		fail(connection, "send");
}

static void expect(PGconn *connection, ExecStatusType status, const char *first, const char *second)
{
	PGresult *result = PQgetResult(connection);

	if (PQresultStatus(result) != status)
		fail(connection, PQresStatus(PQresultStatus(result)));
	if (first != NULL && (PQntuples(result) != 1 || strcmp(PQgetvalue(result, 0, 0), first) != 0 ||
			      strcmp(PQgetvalue(result, 0, 1), second) != 0))
		fail(connection, "a wrong row");
	if (status == PGRES_FATAL_ERROR &&
	    strcmp(PQresultErrorField(result, PG_DIAG_SQLSTATE), "26000") != 0)
		fail(connection, "another error");
	PQclear(result);
	if (status != PGRES_PIPELINE_SYNC && PQgetResult(connection) != NULL)
		fail(connection, "another result");
}

static void read_round(PGconn *connection, int number, int round)
{
	char first[32], second[32];

	for (int i = 0; i < LENGTH; i++) {
		snprintf(first, sizeof first, "%d", (number + i) % 7);
		snprintf(second, sizeof second, "%d", round + i);
		expect(connection, PGRES_COMMAND_OK, NULL, NULL);
		expect(connection, PGRES_TUPLES_OK, first, second);
		if (i % 4 == 3)
			expect(connection, PGRES_PIPELINE_SYNC, NULL, NULL);
	}
	expect(connection, PGRES_FATAL_ERROR, NULL, NULL);
	expect(connection, PGRES_PIPELINE_ABORTED, NULL, NULL);
	expect(connection, PGRES_PIPELINE_SYNC, NULL, NULL);
}

int main(void)
{
	PGconn *connections[CLIENTS];

	for (int n = 0; n < CLIENTS; n++) {
		connections[n] = PQconnectdb("");
		if (PQstatus(connections[n]) != CONNECTION_OK || !PQenterPipelineMode(connections[n]))
			fail(connections[n], "connect");
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int n = 0; n < CLIENTS; n++)
			send_round(connections[n], n, round);
		for (int n = 0; n < CLIENTS; n++)
			read_round(connections[n], n, round);
	}
	for (int n = 0; n < CLIENTS; n++)
		PQfinish(connections[n]);
	puts("well");
	return 0;
}
