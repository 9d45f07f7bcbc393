/* Connects as the conninfo says and sends a cancel request twice as Millpond does; prints the version of libpq, or an error. */
#include "pool/libpq_cancel.h"

#include <libpq-fe.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	char error[256] = "no connection";
	PGconn *connection = PQconnectdb(argc > 1 ? argv[1] : "");
	struct libpq_cancel *cancel =
		PQstatus(connection) == CONNECTION_OK ? libpq_cancel_new(connection) : NULL;

	if (cancel != NULL && libpq_cancel_send(cancel, error, sizeof error) &&
	    libpq_cancel_send(cancel, error, sizeof error))
		printf("%d", PQlibVersion());
	else
		printf("%s", error);
	libpq_cancel_free(cancel);
	PQfinish(connection);
	return 0;
}
